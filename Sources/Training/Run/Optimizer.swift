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

    /// Elements that one thread takes at a time: their parameters, gradients and moments fill an L2 cache.
    private static let piece = 4 * Int(PH_SQUARES_CHUNK)

    /// The Euclidean norm of all gradients, summed in a fixed order.
    package static func gradientNorm(_ store: TensorStore, on pool: WorkerPool) -> Double {
        let (count, chunk) = (store.trainedCount, Int(PH_SQUARES_CHUNK))
        let partial = UnsafeMutableBufferPointer<Double>.allocate(capacity: (count + chunk - 1) / chunk)
        defer { partial.deallocate() }
        pool.run(over: count, inPiecesOf: piece) { range in
            ph_sum_squares(
                store.gradients.floats, count, partial.baseAddress, range.lowerBound / chunk,
                (range.upperBound + chunk - 1) / chunk)
        }
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
    package func update(
        _ store: TensorStore, learningRate: Double, step: Int, gradientNorm: Double, on pool: WorkerPool
    ) {
        let scale = clippingScale(gradientNorm: gradientNorm)
        for stretch in stretches(of: store) {
            pool.run(over: stretch.range.count, inPiecesOf: Optimizer.piece) { piece in
                var adamw = ph_adamw_step(
                    learning_rate: learningRate, beta1: beta1, beta2: beta2, epsilon: epsilon,
                    weight_decay: stretch.weightDecay, step: Int64(step), gradient_scale: scale)
                let begin = stretch.range.lowerBound
                ph_adamw(
                    &adamw, stretch.multiplier, store.values.floats, store.gradients.floats,
                    store.firstMoment.floats, store.secondMoment.floats, begin + piece.lowerBound,
                    begin + piece.upperBound)
            }
        }
    }

    /// The flat buffer in as few parts as differ in what they are updated with.
    private func stretches(of store: TensorStore) -> [Stretch] {
        store.entries.filter(\.declaration.isTrained).reduce(into: []) { stretches, entry in
            let next = Stretch(
                range: entry.offset..<entry.offset + entry.count, multiplier: entry.declaration.learningRateMultiplier,
                weightDecay: entry.declaration.hasWeightDecay ? weightDecay : 0)
            guard let last = stretches.last, last.multiplier == next.multiplier, last.weightDecay == next.weightDecay
            else { return stretches.append(next) }
            stretches[stretches.count - 1].range = last.range.lowerBound..<next.range.upperBound
        }
    }

    private struct Stretch {
        var range: Range<Int>
        let multiplier: Double
        let weightDecay: Double
    }
}
