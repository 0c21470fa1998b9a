import Engine
import Models
import Programs

/// How much memory a run will need at its peak, known before it begins.
package struct Forecast: Equatable, Sendable {
    /// The base's tensors that a step reads, as they are stored.
    package var weights: Int
    /// Activations and gradients of the largest micro-batch, those of the largest batch of an evaluation, and its logits.
    package var activations: Int
    /// Parameters, gradients, moments and buffers of the method and the head, and what a checkpoint copies of them.
    package var method: Int
    /// Program, tokenizer and data.
    package var process: Int

    package var total: Int { weights + activations + method + process }

    /// - Parameters:
    ///   - capacity: the largest micro-batch.
    ///   - evaluation: the largest batch of an evaluation.
    ///   - resident: what the process has now, with the model opened and the data read.
    package init(_ model: AdaptedModel, capacity: Sizes, evaluation: Sizes, resident: Int) throws {
        let configuration = model.model.configuration
        let embeddings = try model.model.tensor(
            "model.embed_tokens.weight", shape: [configuration.vocabulary, configuration.hiddenSize])
        // The table is read whole where it is the output head too; else only the rows of the tokens that occur.
        let readsTable = model.task == .causalLM && configuration.isTied
        weights = model.model.weightBytes - (readsTable ? 0 : embeddings.bytes)
        // Twice where a checkpoint is written: values and both moments.
        let store = model.tensors
        method = (2 * store.values.count + 5 * store.trainedCount) * 4
        let training = try GradientProgram.graph(of: model).graph
        let g = GraphBuilder()
        let outputs = model.build(in: g)
        let inference = try g.finish([outputs.logits, outputs.hidden.firstBlock, outputs.hidden.last])
        let width = model.task == .causalLM ? configuration.vocabulary : model.task.labels
        activations =
            4
            * (Executable.arenaCount(training, capacity: capacity)
                + Executable.arenaCount(inference, capacity: evaluation) + evaluation.targets * width)
        process = resident
    }
}
