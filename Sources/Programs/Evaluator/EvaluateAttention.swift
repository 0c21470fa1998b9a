import Glibc

extension Evaluator {
    /// A key (and its value) that a token sees: which operands hold it, and where its vector begins there.
    private struct Seen {
        /// The place of the keys among the operands; the values follow.
        let keys: Int
        let start: Int
    }

    /// What every head of every token sees, in the order of the keys. x: q, k, v [, more k, more v].
    private func seen(_ x: [Tensor64], _ integers: [Int]) -> [[Seen]] {
        let (heads, size) = (x[0].shape[1], x[0].shape[2])
        let groups = x[1].shape[x[1].rank - 2]
        let rowOfToken = context.rowOfToken
        /// All of a set (K, g, d) or of a row's own in (R, K, g, d).
        func set(_ keys: Int, token: Int, group: Int) -> [Seen] {
            let own = x[keys].rank == 4
            let count = x[keys].shape[own ? 1 : 0]
            let first = own ? rowOfToken[token] * count : 0
            return (first..<(first + count)).map { Seen(keys: keys, start: ($0 * groups + group) * size) }
        }
        return (0..<x[0].shape[0] * heads).map { index in
            let (token, head) = (index / heads, index % heads)
            let group = head / (heads / groups)
            if integers[0] != 0 { return set(1, token: token, group: group) }
            // The window counts the more keys too, as they stand in front of the row.
            let start = context.rowOffsets[rowOfToken[token]]
            let more = x.count == 5 ? set(3, token: token, group: group) : []
            let all = more + (start...token).map { Seen(keys: 1, start: ($0 * groups + group) * size) }
            return integers[1] == 0 ? all : all.suffix(integers[1])
        }
    }

    private func dot(_ a: Tensor64, _ aStart: Int, _ b: Tensor64, _ bStart: Int, _ size: Int) -> Double {
        (0..<size).reduce(0) { $0 + a.values[aStart + $1] * b.values[bStart + $1] }
    }

    /// out = Σ softmax(scale · q·k) v, and the log of each softmax's sum.
    func attention(_ x: [Tensor64], _ integers: [Int], scale: Double) -> [Tensor64] {
        let size = x[0].shape[2]
        var out = x[0].map { _ in 0 }
        var logSums: [Double] = []
        for (index, seen) in seen(x, integers).enumerated() {
            let scores = seen.map { scale * dot(x[0], index * size, x[$0.keys], $0.start, size) }
            let logSum = Self.logSum(scores)
            for (score, key) in zip(scores, seen) {
                let weight = exp(score - logSum)
                for i in 0..<size { out.values[index * size + i] += weight * x[key.keys + 1].values[key.start + i] }
            }
            logSums.append(logSum)
        }
        return [out, Tensor64(Array(x[0].shape.prefix(2)), logSums)]
    }

    /// With p the weights: dp = dout·v, ds = p (dp − Σ p dp) · scale, dq = Σ ds k, dk = ds q, dv = p dout.
    func attentionGradient(_ x: [Tensor64], dout: Tensor64, _ integers: [Int], scale: Double) -> [Tensor64] {
        let size = x[0].shape[2]
        var gradients = x.map { $0.map { _ in 0 } }
        for (index, seen) in seen(x, integers).enumerated() {
            let start = index * size
            let scores = seen.map { scale * dot(x[0], start, x[$0.keys], $0.start, size) }
            let logSum = Self.logSum(scores)
            let p = scores.map { exp($0 - logSum) }
            let dp = seen.map { dot(dout, start, x[$0.keys + 1], $0.start, size) }
            let mean = zip(p, dp).reduce(0) { $0 + $1.0 * $1.1 }
            for (place, key) in seen.enumerated() {
                let ds = scale * p[place] * (dp[place] - mean)
                for i in 0..<size {
                    gradients[0].values[start + i] += ds * x[key.keys].values[key.start + i]
                    gradients[key.keys].values[key.start + i] += ds * x[0].values[start + i]
                    gradients[key.keys + 1].values[key.start + i] += p[place] * dout.values[start + i]
                }
            }
        }
        return gradients
    }
}
