import Foundation

extension Classification {
    /// The probabilities of each row: exp(x − max) over their sum. `logits` has shape (N, C).
    package static func softmax(_ logits: [[Double]]) -> [[Double]] {
        logits.map { row in
            let largest = row.max() ?? 0
            let powers = row.map { exp($0 - largest) }
            let sum = powers.reduce(0, +)
            return powers.map { $0 / sum }
        }
    }

    /// The mean of −log softmax(logits)[label] in nats; nil without rows. `logits` has shape (N, C).
    package static func crossEntropy(labels: [Int], logits: [[Double]]) -> Double? {
        precondition(labels.count == logits.count, "one row of logits a label")
        guard !labels.isEmpty else { return nil }
        var sum = 0.0
        for (label, row) in zip(labels, logits) {
            let largest = row.max() ?? 0
            sum += largest + log(row.reduce(0) { $0 + exp($1 - largest) }) - row[label]
        }
        return sum / Double(labels.count)
    }
}

/// exp of the mean negative log-likelihood of a token, in nats.
package func perplexity(meanLoss: Double) -> Double { exp(meanLoss) }
