import Engine
import Models
import Programs

/// Which rows make which batch: fixed by the seed and the number of the epoch, so there is no state to keep.
package struct BatchPlan: Sendable {
    private let examples: [Example]
    private let options: TrainingOptions
    private let classWeights: [Float]

    package init(_ examples: [Example], _ options: TrainingOptions, labels: Int) {
        self.examples = examples
        self.options = options
        var weights = Array(repeating: Float(1), count: Swift.max(labels, 1))
        if options.balancesClasses, labels > 0 {
            // scikit-learn's "balanced": n / (classes · count of the class)
            for label in 0..<labels {
                let count = examples.count { $0.label == Int32(label) }
                weights[label] = Float(examples.count) / Float(labels * Swift.max(count, 1))
            }
        }
        classWeights = weights
    }

    package var stepsPerEpoch: Int {
        let batches = (examples.count + options.batchSize - 1) / options.batchSize
        return (batches + options.accumulation - 1) / options.accumulation
    }

    package var totalSteps: Int { stepsPerEpoch * options.epochs }
    package var tokensPerEpoch: Int { examples.reduce(0) { $0 + $1.tokens.count } }

    /// The largest micro-batch that any epoch can have.
    package var capacity: Sizes {
        let tokens = examples.map(\.tokens.count).sorted(by: >).prefix(options.batchSize).reduce(0, +)
        let targets = examples.map(\.targetCount).sorted(by: >).prefix(options.batchSize).reduce(0, +)
        return Sizes(tokens: tokens, rows: Swift.min(options.batchSize, examples.count), targets: targets)
    }

    /// The optimizer steps of an epoch, each with its micro-batches. The loss of a step is the (class-weighted) mean over
    /// all its targets.
    package func steps(epoch: Int) -> [[Batch]] {
        let order = Shuffle(seed: options.seed, "epoch \(epoch)").order(examples.count)
        let groups = stride(from: 0, to: order.count, by: options.batchSize * options.accumulation).map { start in
            order[start..<Swift.min(start + options.batchSize * options.accumulation, order.count)].map { examples[$0] }
        }
        return groups.map { group in
            let total = group.reduce(Float(0)) { $0 + weight($1) * Float($1.targetCount) }
            return stride(from: 0, to: group.count, by: options.batchSize).map { start in
                let rows = Array(group[start..<Swift.min(start + options.batchSize, group.count)])
                return Batch(rows, scale: 1 / Swift.max(total, .leastNormalMagnitude), weight: weight)
            }
        }
    }

    private func weight(_ example: Example) -> Float { example.label.map { classWeights[Int($0)] } ?? 1 }
}

extension Batch {
    /// - Parameters:
    ///   - weight: how much each target of a row counts, times `scale`.
    init(_ examples: [Example], scale: Float, weight: (Example) -> Float) {
        let rows = examples.map(\.tokens)
        if examples.first?.label != nil {
            self.init(
                classifying: rows, labels: examples.map { $0.label! }, weights: examples.map { weight($0) * scale })
        } else {
            self.init(predicting: rows, isTarget: examples.map(\.isTarget), weight: scale)
        }
    }
}
