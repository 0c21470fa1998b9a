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
        self.init(try MeasuredRows(examples, inference, classes: labels, shouldStop: shouldStop))
    }

    package init(_ measured: MeasuredRows) {
        let all = Array(0..<measured.count)
        rows = all.count
        loss = measured.value(.loss, of: all) ?? .nan
        if measured.classes > 0 {
            accuracy = measured.value(.accuracy, of: all)
            macroF1 = measured.value(.macroF1, of: all)
            rocAUC = measured.value(.rocAUC, of: all)
        } else {
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
