/// The product B A of two thin matrices, an update of the weight W (out, in) of a linear layer.
public struct LowRank {
    /// (r, in)
    public let A: Value
    /// (out, r)
    public let B: Value

    public init(A: Value, B: Value) { (self.A, self.B) = (A, B) }

    /// B A x: x (…, in) → (…, out)
    public func callAsFunction(_ x: Value) -> Value { x.matmul(A.T).matmul(B.T) }

    /// B A, (out, in)
    public var product: Value { B.matmul(A) }

    /// a − b as one product, of the sum of their ranks.
    public static func - (a: LowRank, b: LowRank) -> LowRank {
        LowRank(A: .concat([a.A, b.A], axis: 0), B: .concat([a.B, -b.B], axis: 1))
    }

    /// The lengths of the rows of W + s B A, (out), without the product: for each row w of W
    ///
    ///     ‖w + s (B A)ᵢ‖² = ‖w‖² + 2 s Σₖ Bᵢₖ (W Aᵀ)ᵢₖ + s² Σₖ Bᵢₖ (B A Aᵀ)ᵢₖ
    public func rowLengths(on site: LinearSite, scale: Double) -> Value {
        let WA = (site.hasBias ? site.base(A) - site.bias : site.base(A)).T
        return lengths(from: site.rowNorms, WA, scale)
    }

    /// The same of the columns of an embedding table + s (B A)ᵀ, (hidden): there A is (r, rows), B (hidden, r).
    public func columnLengths(on site: EmbeddingSite, scale: Double) -> Value {
        lengths(from: site.columnNorms, A.matmul(site.weight).T, scale)
    }

    private func lengths(from norms: Value, _ WA: Value, _ scale: Double) -> Value {
        let cross = (B * WA).sum(1)
        let square = (B * B.matmul(A.matmul(A.T))).sum(1)
        return (norms * norms + 2 * scale * cross + scale * scale * square).sqrt()
    }
}

/// First values, in init graphs.
extension LowRank {
    /// s B A is the best approximation of M (out, in) of that rank: its largest singular triplets, √Σ / √s on each side.
    public static func principal(of M: Value, rank: Int, scale: Double) -> LowRank {
        let (U, S, Vt) = M.svd()
        let root = (S.slice(axis: 0, 0..<rank) / scale).sqrt()
        return LowRank(A: root.reshape([rank, 1]) * Vt.slice(axis: 0, 0..<rank), B: U.slice(axis: 1, 0..<rank) * root)
    }

    /// The first rows of R and columns of Q, of M (out, in) = Q R.
    public static func triangular(of M: Value, rank: Int) -> LowRank {
        let (Q, R) = M.qr()
        return LowRank(A: R.slice(axis: 0, 0..<rank), B: Q.slice(axis: 1, 0..<rank))
    }

    /// Random, and B A = 0: their rows come from two halves of one orthogonal matrix (rank, rank), the rank even.
    public static func orthogonal(inputs: Int, outputs: Int, rank: Int) -> LowRank {
        let Q = Value.normal(shape: [rank, rank]).qr().q.reshape([rank / 2, 2, rank])
        let (odd, even) = (Q.slice(axis: 1, 0..<1), Q.slice(axis: 1, 1..<2))
        let A = Value.normal(shape: [inputs, rank / 2]).matmul(odd.reshape([rank / 2, rank]))
        let B = Value.normal(shape: [outputs, rank / 2]).matmul(even.reshape([rank / 2, rank]))
        return LowRank(A: (A / 10).T, B: B / 10)
    }
}
