import Engine
import Models
import Programs

/// Which rows make which batch: fixed by the seed and the number of the epoch, so there is no state to keep.
package struct BatchPlan: Sendable {
    private let examples: [Example]
    private let options: TrainingOptions
    private let classWeights: [Float]

    /// - Parameter labels: how many classes; 0 for language modelling.
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

    /// Optimizer steps.
    package var stepsPerEpoch: Int {
        let batches = (examples.count + options.batchSize - 1) / options.batchSize
        return (batches + options.accumulation - 1) / options.accumulation
    }

    package var epochs: Int { options.epochs }
    package var totalSteps: Int { stepsPerEpoch * options.epochs }

    /// The largest micro-batch of the run: no larger than its epochs will really draw.
    ///
    /// - Parameter sharesPrefix: whether what all rows of a batch begin with is computed once.
    package func capacity(sharesPrefix: Bool) -> Sizes {
        (0..<options.epochs).reduce(Sizes(tokens: 0, rows: 0, targets: 0)) { largest, epoch in
            steps(epoch: epoch).joined().reduce(largest) {
                $0.union((sharesPrefix ? $1.sharingPrefix() : $1).sizes)
            }
        }
    }

    private func order(_ epoch: Int) -> [Int] { Shuffle(seed: options.seed, "epoch \(epoch)").order(examples.count) }

    private func microBatches(of rows: [Int]) -> [ArraySlice<Int>] {
        stride(from: 0, to: rows.count, by: options.batchSize).map {
            rows[$0..<Swift.min($0 + options.batchSize, rows.count)]
        }
    }

    /// The optimizer steps of an epoch, each with its micro-batches. The loss of a step is the (class-weighted) mean over
    /// all its targets.
    package func steps(epoch: Int) -> [[Batch]] {
        let parts = microBatches(of: order(epoch)).map { $0.map { examples[$0] } }
        return stride(from: 0, to: parts.count, by: options.accumulation).map { start in
            let group = parts[start..<Swift.min(start + options.accumulation, parts.count)]
            let total = group.joined().reduce(Float(0)) { $0 + weight($1) * Float($1.targetCount) }
            return group.map { Batch($0, scale: 1 / Swift.max(total, .leastNormalMagnitude), weight: weight) }
        }
    }

    private func weight(_ example: Example) -> Float { example.label.map { classWeights[Int($0)] } ?? 1 }
}

extension Batch {
    /// Tokens of the data, a method's virtual ones apart: what speed is counted in.
    var textTokens: Int { rows.reduce(0) { $0 + $1.count { $0 != Batch.virtualToken } } }

    /// The batch of these rows, in their order.
    ///
    /// - Parameter weight: how much each target of a row counts in the loss, times `scale`.
    package init(_ examples: [Example], scale: Float, weight: (Example) -> Float) {
        let rows = examples.map(\.tokens)
        if examples.first?.label != nil {
            self.init(
                classifying: rows, labels: examples.map { $0.label! }, weights: examples.map { weight($0) * scale })
        } else {
            self.init(predicting: rows, isTarget: examples.map(\.isTarget), weight: scale)
        }
        let features = examples.compactMap(\.features)
        if !features.isEmpty { rowInputs[Features.name] = features.map(\.tensor) }
    }
}
