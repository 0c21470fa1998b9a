import Engine
import Models
import Programs
import Training

/// The gradients of a method with kernels, which only the engine runs: in float32.
///
/// Each tensor is moved along one random direction; central differences of fourth order with the steps 2⁻³, 2⁻⁵ and 2⁻⁷, of
/// which one must agree within a hundredth of the gradient's length and the rounding of the loss (a kink spoils long steps
/// only).
struct EngineGradients {
    private let model: AdaptedModel
    private let batch: Batch
    private let program: GradientProgram
    private let method: MethodSteps

    init(_ model: AdaptedModel) throws {
        self.model = model
        batch = model.trainingBatch()
        let pool = WorkerPool(threads: 1)
        program = try GradientProgram(model, capacity: batch.sizes, pool: pool)
        method = try MethodSteps(model, totalSteps: TrainedBits.steps, pool: pool)
    }

    /// The first tensor whose gradient is not what the differences of the loss, and of the regularizer, say.
    func mismatch(_ random: inout RandomNumbers) -> String? {
        let tensors = model.tensors
        _ = loss()
        let trained = tensors.entries.indices.filter {
            tensors.entries[$0].declaration.isTrained && tensors.entries[$0].count > 0
        }
        let gradients = trained.map { number in
            let entry = tensors.entries[number]
            return Array(UnsafeBufferPointer(start: tensors.gradients.floats + entry.offset, count: entry.count))
        }
        for (number, gradient) in zip(trained, gradients) {
            let share = 1 / Float(gradient.count).squareRoot()
            let direction = gradient.map { _ in Bool.random(using: &random) ? share : -share }
            let expected = zip(gradient, direction).reduce(0) { $0 + Double($1.0) * Double($1.1) }
            let length = gradient.reduce(0) { $0 + Double($1) * Double($1) }.squareRoot()
            let slopes = [0x1p-3, 0x1p-5, 0x1p-7].map { (step: Float) in difference(number, direction, step) }
            guard !slopes.contains(where: { abs($0.slope - expected) <= 1e-2 * length + $0.noise }) else { continue }
            return
                "the gradient by \(tensors.entries[number].name) along a direction is \(Float(expected)), differences of the "
                + "loss in float32 give \(slopes.map { String(Float($0.slope)) }.joined(separator: ", "))"
        }
        return nil
    }

    private func loss() -> Double {
        program.run(batch, step: 0, microBatch: 0, accumulates: false) + method.regularize(step: 0)
    }

    /// The slope of the loss where a tensor moves along a direction, and how far rounding may move it.
    private func difference(_ number: Int, _ direction: [Float], _ step: Float) -> (slope: Double, noise: Double) {
        let start = model.tensors[number]
        defer { model.tensors[number] = start }
        var (slope, largest) = (0.0, 0.0)
        for (distance, weight): (Float, Double) in [(1, 8), (-1, -8), (2, -1), (-2, 1)] {
            model.tensors[number] = zip(start, direction).map { $0 + distance * step * $1 }
            let loss = loss()
            slope += weight * loss
            largest = max(largest, abs(loss))
        }
        let scale = 1 / (12 * Double(step))
        return (slope * scale, 0x1p-23 * 16 * largest * scale)
    }
}

extension MethodProgram {
    /// Whether a difference sees what the gradient is told not to see.
    var stopsGradients: Bool { graphs.contains { $0.nodes.contains { $0.op == .stopGradient } } }
}
