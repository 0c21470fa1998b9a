import Engine
import Formats
import Models
import PluginHost
import Training

/// Trains a method on a toy model with its default learning rate, step after step on the same rows.
package struct TrainingLoop {
    private let model: AdaptedModel
    private let learningRate: Double
    private let batch: Batch
    private let pool: WorkerPool
    private let program: GradientProgram
    private let method: MethodSteps
    private let optimizer = Optimizer()

    package init(_ model: AdaptedModel, _ bench: Bench, totalSteps: Int = TrainedBits.steps, threads: Int = 1) throws {
        self.model = model
        learningRate = bench.traced.defaultLearningRate
        batch = model.trainingBatch([[1, 4, 2, 7, 12, 3], [9, 5], [3, 5, 9, 0, 6]])
        pool = WorkerPool(threads: threads)
        program = try GradientProgram(model, capacity: batch.sizes, pool: pool)
        method = try MethodSteps(model, totalSteps: totalSteps, pool: pool)
    }

    /// - Returns: the loss of each step, before it.
    /// - Throws: ``Breach`` where a number is not finite.
    @discardableResult package func run(_ steps: Range<Int>) throws -> [Double] {
        try steps.map { step in
            let loss = program.run(batch, step: step, microBatch: 0, accumulates: false)
            let regularizer = method.regularize(step: step)
            let norm = Optimizer.gradientNorm(model.tensors, on: pool)
            for (what, number) in [("loss", loss), ("regularizer", regularizer), ("gradient's norm", norm)] {
                guard !number.isFinite else { continue }
                throw NotFinite("the \(what) of step \(step) is \(number)")
            }
            optimizer.update(model.tensors, learningRate: learningRate, step: step + 1, gradientNorm: norm, on: pool)
            method.update(step: step, gradientScale: 1)
            if let name = model.tensors.notFinite {
                throw NotFinite("after step \(step), \(name) holds a number that is not finite")
            }
            return loss + regularizer
        }
    }

    /// Training came upon a number that is not finite.
    package struct NotFinite: Error {
        let message: String
        init(_ message: String) { self.message = message }
    }
}

extension TensorStore {
    /// The name of a tensor that holds a number which is not finite.
    fileprivate var notFinite: String? {
        entries.indices.first { entries[$0].declaration.type.dtype == .f32 && !self[$0].allSatisfy(\.isFinite) }
            .map { entries[$0].name }
    }

    /// SHA-256 of all values: parameters and buffers.
    package var digest: String {
        let hash = SHA256()
        hash.update(UnsafeRawBufferPointer(start: values.raw, count: values.count * 4))
        return hash.finish()
    }
}

/// What training gives, to the bit.
package enum TrainedBits {
    package static let steps = 6

    /// The digest of a freshly traced method after ``steps``.
    package static func digest(_ bench: Bench, threads: Int = 1) throws -> String {
        let model = try bench.begun()
        try TrainingLoop(model, bench, threads: threads).run(0..<steps)
        return model.tensors.digest
    }
}
