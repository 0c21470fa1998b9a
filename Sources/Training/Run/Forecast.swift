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
    ///   - process: what the process has now beside the weights, with the model opened and the data read.
    package init(_ model: AdaptedModel, capacity: Sizes, evaluation: Sizes, process: Int) throws {
        let configuration = model.model.configuration
        // Also of a table of which only some rows are wanted nearly every page is: the system maps more around each.
        weights = model.model.weightBytes
        // Twice where a checkpoint is written: values and both moments.
        let store = model.tensors
        method = try (2 * store.values.count + 5 * store.trainedCount + MethodSteps.arenaCount(of: model)) * 4
        let training = try GradientProgram.graph(of: model).graph
        let g = GraphBuilder()
        let outputs = model.build(in: g)
        let inference = try g.finish([outputs.logits, outputs.hidden.firstBlock, outputs.hidden.last])
        let width = model.task == .causalLM ? configuration.vocabulary : model.task.labels
        activations =
            4
            * (Executable.arenaCount(training, capacity: capacity)
                + Executable.arenaCount(inference, capacity: evaluation) + evaluation.targets * width)
        self.process = process
    }
}
