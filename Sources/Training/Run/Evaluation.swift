import Engine
import Foundation
import Models
import Programs

/// What a model makes of labelled rows.
package struct Evaluation: Equatable, Sendable {
    /// Mean negative log-likelihood over rows (classification) or predicted tokens.
    package var loss: Double
    package var rows: Int
    /// Classification only: nil too where only one class is there.
    package var rocAUC: Double?
    package var accuracy: Double?
    package var macroF1: Double?
    /// Language modelling only.
    package var perplexity: Double?

    /// Tokens of the rows that are run together; the result of a row does not depend on it. In language modelling each has
    /// the logits of a whole vocabulary, so there are fewer.
    private static func tokensAtOnce(_ examples: [Example]) -> Int { examples.first?.label == nil ? 128 : mostTokens }

    /// Of the rows that are run together, unless a single row has more.
    static let mostTokens = 512

    /// - Parameters:
    ///   - labels: how many classes; 0 for language modelling.
    ///   - shouldStop: asked after every batch.
    /// - Throws: ``Interrupted`` where `shouldStop` said so.
    package init(
        _ examples: [Example], _ inference: Inference, labels: Int, shouldStop: () -> Bool = { false }
    ) throws {
        rows = examples.count
        var (total, count) = (0.0, 0)
        var logits: [[Double]] = []
        for group in Evaluation.groups(examples) {
            let batch = Batch(group, scale: 1, weight: { _ in 1 })
            let result = try inference.run(batch)
            for target in batch.targetLabels.indices {
                let row = result.logits(target)
                if labels > 0 {
                    logits.append(row.map(Double.init))
                } else {
                    total += Evaluation.negativeLogLikelihood(row, Int(batch.targetLabels[target]))
                    count += 1
                }
            }
            if shouldStop() { throw Interrupted() }
        }
        if labels > 0 {
            let truth = examples.map { Int($0.label!) }
            let probabilities = Classification.softmax(logits)
            let predictions = Classification.predictions(scores: logits)
            loss = Classification.crossEntropy(labels: truth, logits: logits) ?? .nan
            accuracy = Classification.accuracy(labels: truth, predictions: predictions)
            macroF1 = Classification.macroF1(labels: truth, predictions: predictions, classes: labels)
            rocAUC =
                labels == 2
                ? Classification.rocAUC(scores: probabilities.map { $0[1] }, isPositive: truth.map { $0 == 1 })
                : Classification.oneVersusRestAUC(labels: truth, probabilities: probabilities, classes: labels)
        } else {
            loss = count > 0 ? total / Double(count) : .nan
            perplexity = Training.perplexity(meanLoss: loss)
        }
    }

    /// Rows in their order, together up to 512 or 128 tokens (one row at least).
    package static func groups(_ examples: [Example]) -> [[Example]] {
        var groups: [[Example]] = []
        let most = tokensAtOnce(examples)
        var tokens = most
        for example in examples {
            if tokens + example.tokens.count > most {
                groups.append([])
                tokens = 0
            }
            groups[groups.count - 1].append(example)
            tokens += example.tokens.count
        }
        return groups
    }

    /// The largest batch that an evaluation of these rows runs.
    ///
    /// - Parameter sharesPrefix: whether what all rows of a batch begin with is computed once.
    package static func capacity(_ examples: [Example], sharesPrefix: Bool = false) -> Sizes {
        groups(examples).reduce(Sizes(tokens: 0, rows: 0, targets: 0)) { largest, group in
            let batch = Batch(group, scale: 1, weight: { _ in 1 })
            return largest.union((sharesPrefix ? batch.sharingPrefix() : batch).sizes)
        }
    }

    /// log Σ exp(logits) − logits[label], in float64.
    package static func negativeLogLikelihood(_ logits: ArraySlice<Float>, _ label: Int) -> Double {
        let largest = Double(logits.max() ?? 0)
        let sum = logits.reduce(0.0) { $0 + exp(Double($1) - largest) }
        return largest + log(sum) - Double(logits[logits.startIndex + label])
    }
}
