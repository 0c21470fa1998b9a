import Engine
import Kernels
import Programs

/// AdamW (Loshchilov & Hutter 2019) over all trained tensors of a store, in torch's order of operations.
package struct Optimizer: Equatable, Sendable {
    package var beta1 = 0.9
    package var beta2 = 0.999
    package var epsilon = 1e-8
    package var weightDecay = 0.0
    /// Gradients are scaled down to this norm where theirs is larger; 0 leaves them alone.
    package var maximumNorm = 0.0

    package init() {}

    /// The Euclidean norm of all gradients, summed in a fixed order.
    package static func gradientNorm(_ store: TensorStore) -> Double {
        let count = store.trainedCount
        let chunks = (count + Int(PH_SQUARES_CHUNK) - 1) / Int(PH_SQUARES_CHUNK)
        var partial = [Double](repeating: 0, count: chunks)
        ph_sum_squares(store.gradients.floats, count, &partial, 0, chunks)
        return partial.reduce(0, +).squareRoot()
    }

    /// What clipping multiplies gradients of that norm by.
    package func clippingScale(gradientNorm: Double) -> Double {
        // torch.nn.utils.clip_grad_norm_
        maximumNorm > 0 ? Swift.min(1, maximumNorm / (gradientNorm + 1e-6)) : 1
    }

    /// Updates every trained tensor from its gradient.
    ///
    /// - Parameter step: counted from 1.
    package func update(_ store: TensorStore, learningRate: Double, step: Int, gradientNorm: Double) {
        let scale = clippingScale(gradientNorm: gradientNorm)
        for entry in store.entries where entry.declaration.isTrained {
            var adamw = ph_adamw_step(
                learning_rate: learningRate, beta1: beta1, beta2: beta2, epsilon: epsilon,
                weight_decay: entry.declaration.hasWeightDecay ? weightDecay : 0, step: Int64(step),
                gradient_scale: scale)
            ph_adamw(
                &adamw, entry.declaration.learningRateMultiplier, store.values.floats, store.gradients.floats,
                store.firstMoment.floats, store.secondMoment.floats, entry.offset, entry.offset + entry.count)
        }
    }
}
