import Engine
import Foundation
import Models
import Training

/// How far a model that was written answers otherwise than the model it was made of: what rounding to a storage type did.
package struct Drift: Sendable {
    package var rows: Int
    /// Of logits, the largest over all, as a part of the largest logit.
    package var logits: Double
    /// The share of places (rows of a classifier) in which both have the same largest logit.
    package var agreement: Double
    /// Language models: of what was written from, and of what was written.
    package var perplexity: (before: Double, after: Double)?

    /// - Parameter examples: at least one.
    package init(_ examples: [Example], before: Inference, after: Inference) throws {
        rows = examples.count
        var (difference, largest, same, places) = (0.0, 0.0, 0, 0)
        var losses = (before: 0.0, after: 0.0)
        let isLanguage = before.model.task == .causalLM
        for group in Evaluation.groups(examples) {
            let batch = Batch(group, scale: 1, weight: { _ in 1 })
            let (a, b) = (try before.run(batch), try after.run(batch))
            for target in batch.targetLabels.indices {
                let (x, y) = (a.logits(target), b.logits(target))
                for (x, y) in zip(x, y) {
                    difference = Swift.max(difference, abs(Double(x) - Double(y)))
                    largest = Swift.max(largest, abs(Double(x)))
                }
                same += x.largest(1) == y.largest(1) ? 1 : 0
                places += 1
                guard isLanguage else { continue }
                let label = Int(batch.targetLabels[target])
                losses.before += Evaluation.negativeLogLikelihood(x, label)
                losses.after += Evaluation.negativeLogLikelihood(y, label)
            }
        }
        logits = largest > 0 ? difference / largest : difference
        agreement = Double(same) / Double(Swift.max(places, 1))
        if isLanguage {
            let count = Double(Swift.max(places, 1))
            perplexity = (exp(losses.before / count), exp(losses.after / count))
        }
    }
}
