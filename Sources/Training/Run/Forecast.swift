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
    ///   - weights: bytes of the base's tensors.
    ///   - capacity: the largest micro-batch.
    ///   - evaluation: the largest batch of an evaluation.
    ///   - process: what the process has beside the weights, with the model opened and the data read.
    package init(
        _ model: AdaptedProgram, weights: Int, capacity: Sizes, evaluation: Sizes, process: Int
    ) throws {
        // Also of a table of which only some rows are wanted nearly every page is: the system maps more around each.
        self.weights = weights
        // Twice where a checkpoint is written: values and both moments.
        method =
            try (2 * model.count { _ in true } + 5 * model.trainedCount + MethodSteps.arenaCount(of: model)) * 4
        let training = try GradientProgram.graph(of: model).graph
        let g = GraphBuilder()
        let outputs = model.build(in: g)
        let inference = try g.finish([outputs.logits, outputs.hidden.firstBlock, outputs.hidden.last])
        let width = model.task == .causalLM ? model.configuration.vocabulary : model.task.labels
        activations =
            4
            * (Executable.arenaCount(training, capacity: capacity)
                + Executable.arenaCount(inference, capacity: evaluation) + evaluation.targets * width)
        self.process = process
    }

    /// Of a run whose rows all have `length` tokens.
    ///
    /// - Parameter rows: of a micro-batch.
    package init(_ model: AdaptedProgram, weights: Int, rows: Int, length: Int, process: Int) throws {
        let example = Example(
            tokens: Array(repeating: 0, count: length), label: model.task == .causalLM ? nil : 0,
            isTarget: Array(repeating: true, count: length)
        ).behind(model.prefix)
        var options = TrainingOptions()
        options.epochs = 1
        options.batchSize = rows
        let plan = BatchPlan(Array(repeating: example, count: rows), options, labels: model.task.labels)
        // An evaluation fills its batches, however many rows there are.
        let many = Array(repeating: example, count: Evaluation.mostTokens)
        try self.init(
            model, weights: weights, capacity: plan.capacity, evaluation: Evaluation.capacity(many), process: process)
    }
}
