import Foundation

/// Resampled rows: how far a figure would move with other rows of the same kind (Efron and Tibshirani 1993).
package struct Bootstrap: Sendable {
    package let resamples: Int
    package let seed: UInt64

    package init(resamples: Int = 1000, seed: UInt64 = 0) { (self.resamples, self.seed) = (resamples, seed) }

    /// The figures of each resample of `count` rows, drawn with replacement.
    ///
    /// - Parameter figures: of rows by their numbers.
    package func samples(of count: Int, _ figures: ([Int]) -> [Double?]) -> [[Double?]] {
        var random = SplitMix64(seed)
        return (0..<resamples).map { _ in figures((0..<count).map { _ in random.index(below: count) }) }
    }

    /// The middle 95 % of a figure over resamples; nil where it was never defined.
    package static func interval(_ values: [Double?]) -> (low: Double, high: Double)? {
        let sorted = values.compactMap { $0 }.filter { !$0.isNaN }.sorted()
        guard !sorted.isEmpty else { return nil }
        return (quantile(0.025, of: sorted), quantile(0.975, of: sorted))
    }

    /// The chance of a difference at least as far from 0 if there were none: twice the smaller tail; nil where no resample has
    /// one.
    package static func twoSided(_ differences: [Double?]) -> Double? {
        let known = differences.compactMap { $0 }.filter { !$0.isNaN }
        guard !known.isEmpty else { return nil }
        let (below, above) = (known.count { $0 <= 0 }, known.count { $0 >= 0 })
        return Swift.min(1, 2 * Double(Swift.min(below, above)) / Double(known.count))
    }

    /// NumPy's default: linear between the two nearest.
    private static func quantile(_ part: Double, of sorted: [Double]) -> Double {
        let place = part * Double(sorted.count - 1)
        let low = Int(place)
        let high = Swift.min(low + 1, sorted.count - 1)
        return sorted[low] + (sorted[high] - sorted[low]) * (place - Double(low))
    }
}

/// Random numbers that are the same everywhere (Steele et al. 2014).
package struct SplitMix64: Sendable {
    private var state: UInt64

    package init(_ seed: UInt64) { state = seed }

    package mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var z = state
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }

    /// 0 ..< `count`: the upper half of the product with it.
    package mutating func index(below count: Int) -> Int { Int(next().multipliedFullWidth(by: UInt64(count)).high) }
}

extension Classification {
    /// McNemar's exact test of two classifiers on the same rows: of the rows that only one of them has right, how likely a
    /// split at least as uneven is by chance. 1 where there is no such row.
    package static func mcNemar(onlyFirst: Int, onlySecond: Int) -> Double {
        let count = onlyFirst + onlySecond
        // C(n, k) / 2^n, one from the other, from the logarithm of the first: 2^-n alone may be too small.
        var logTerm = -Double(count) * log(2.0)
        var sum = 0.0
        for k in 0...Swift.min(onlyFirst, onlySecond) {
            sum += exp(logTerm)
            logTerm += log(Double(count - k) / Double(k + 1))
        }
        return Swift.min(1, 2 * sum)
    }
}
