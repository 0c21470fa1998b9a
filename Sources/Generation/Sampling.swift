import Foundation

/// How the next token is chosen. Names, defaults and the order of the steps are those of Hugging Face's `generate`, but for
/// the temperature, which also says whether to sample at all.
package struct Sampling: Equatable, Sendable {
    /// What logits are divided by; 0: always the most probable token.
    package var temperature = 0.0
    /// How many of the most probable tokens are left to choose from; 0: all.
    package var topK = 50
    /// The most probable tokens that together reach this probability are left.
    package var topP = 1.0
    /// Tokens of less than this part of the largest probability are left out.
    package var minP = 0.0
    /// Logits of tokens that are in the text already are divided by it, or multiplied where they are negative (Keskar et
    /// al. 2019).
    package var repetitionPenalty = 1.0
    package var seed: UInt64 = 0

    package init() {}

    /// The tokens that can be chosen, the most probable first, and their probabilities, which add up to 1.
    ///
    /// - Parameters:
    ///   - logits: (vocabulary)
    ///   - text: the tokens so far, the prompt's included.
    package func candidates(_ logits: [Float], after text: Set<Int32>) -> [(id: Int32, probability: Double)] {
        var scores = logits
        if repetitionPenalty != 1 {
            for id in text where scores.indices.contains(Int(id)) {
                let score = scores[Int(id)]
                scores[Int(id)] = score < 0 ? score * Float(repetitionPenalty) : score / Float(repetitionPenalty)
            }
        }
        guard temperature > 0 else {
            let best = scores.indices.reduce(0) { scores[$1] > scores[$0] ? $1 : $0 }
            return [(Int32(best), 1)]
        }
        var left = Array(scores.indices)
        if topK > 0, topK < left.count {
            // Those that are equal to the last stay, too.
            let least = Sampling.largest(topK, of: scores)
            left.removeAll { scores[$0] < least }
        }
        left.sort { (scores[$0], $1) > (scores[$1], $0) }
        let largest = Double(scores[left[0]])
        var weights = left.map { exp((Double(scores[$0]) - largest) / temperature) }
        if topP < 1 {
            var (before, total) = (0.0, weights.reduce(0, +))
            total *= topP
            // The first always stays.
            let kept = weights.firstIndex { weight in
                defer { before += weight }
                return before >= total && before > 0
            }
            weights.removeSubrange((kept ?? weights.count)...)
        }
        if minP > 0 { weights.removeSubrange((weights.firstIndex { $0 < minP } ?? weights.count)...) }
        let total = weights.reduce(0, +)
        return zip(left, weights).map { (Int32($0), $1 / total) }
    }

    /// The `count`-th largest number.
    private static func largest(_ count: Int, of scores: [Float]) -> Float {
        var top = scores.prefix(count).sorted(by: >)
        for score in scores.dropFirst(count) where score > top[count - 1] {
            top.removeLast()
            top.insert(score, at: top.firstIndex { $0 < score } ?? top.endIndex)
        }
        return top[count - 1]
    }
}
