import Engine
import Models
import Programs

/// How much memory a run will need at its peak, known before it begins.
package struct Forecast: Equatable, Sendable {
    /// The base's tensors that a step reads, as they are stored.
    package var weights: Int
    /// Activations and gradients of the largest micro-batch, or those of the largest batch of an evaluation with its logits.
    package var activations: Int
    /// Parameters, gradients, moments and buffers of the method and the head, and what a checkpoint copies of them.
    package var method: Int
    /// Program, tokenizer and data.
    package var process: Int

    /// Bytes of a file that the system maps when one of them is read.
    private static let mappedAround = 65_536

    package var total: Int { weights + activations + method + process }

    /// - Parameters:
    ///   - weights: bytes of the base's tensors.
    ///   - table: those of the embedding table, of which a classifier reads some rows only.
    ///   - plan: of the run.
    ///   - evaluated: the rows that evaluations run.
    ///   - keepsRows: whether rows come back, in later epochs.
    ///   - recomputed: of how many stretches of the program the activations are computed twice.
    ///   - process: what the process has beside the weights, with the model opened and the data read.
    package init(
        _ model: AdaptedProgram, weights: Int, table: Int, plan: BatchPlan, evaluated: [Example], keepsRows: Bool,
        recomputed: Int = 0, process: Int
    ) throws {
        // Twice where a checkpoint is written: values and both moments.
        method =
            try (2 * model.count { _ in true } + 5 * model.trainedCount + MethodSteps.arenaCount(of: model)) * 4
        let (training, _, forward) = try GradientProgram.graph(of: model)
        let recomputing = training.recomputation(recomputed, forward: forward)
        let inference = try Inference.graph(of: model)
        let capacity = plan.capacity(sharesPrefix: BatchProgram.sharesPrefix(training, keepsRows: keepsRows))
        let evaluation = Evaluation.capacity(
            evaluated, sharesPrefix: BatchProgram.sharesPrefix(inference, keepsRows: keepsRows))
        let width = model.task == .causalLM ? model.configuration.vocabulary : model.task.labels
        // One after the other: each gives its memory back.
        let phases = [
            (
                capacity.tokens,
                BatchProgram.arenaCount(training, capacity: capacity, recomputing: recomputing, keepsRows: keepsRows)
            ),
            (
                evaluation.tokens,
                BatchProgram.arenaCount(inference, capacity: evaluation, keepsRows: keepsRows)
                    + evaluation.targets * width
            ),
        ].map { tokens, elements in
            let rows = model.task == .causalLM ? table : Swift.min(table, tokens * Self.mappedAround)
            return (weights: weights - table + rows, activations: 4 * elements)
        }
        (self.weights, activations) = phases.max { $0.weights + $0.activations < $1.weights + $1.activations }!
        self.process = process
    }

    /// Of a run whose rows all have `length` tokens.
    ///
    /// - Parameter rows: of a micro-batch.
    package init(
        _ model: AdaptedProgram, weights: Int, table: Int, rows: Int, length: Int, process: Int
    ) throws {
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
            model, weights: weights, table: table, plan: plan, evaluated: many, keepsRows: true, process: process)
    }
}
