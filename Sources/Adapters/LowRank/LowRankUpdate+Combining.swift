import Engine

extension LowRankUpdate {
    /// The sum of several updates, each times its weight, exactly: their factors stand side by side, and so their ranks add up.
    ///
    /// - Throws: `AdapterError` where one has a classification head: heads of different tasks have no sum.
    package static func sum(
        _ parts: [(update: LowRankUpdate, weight: Double, place: String)]
    ) throws(AdapterError) -> LowRankUpdate {
        var sums: [String: Layer] = [:]
        for part in parts {
            guard part.update.head == nil else {
                throw AdapterError(
                    "it has a classification head, which cannot be added to others", place: part.place,
                    remedy: "only adapters for causal-lm can be combined")
            }
            for var layer in part.update.layers {
                layer.scale(by: part.weight)
                guard let sum = sums[layer.module] else {
                    sums[layer.module] = layer
                    continue
                }
                sums[layer.module] = sum.beside(layer)
            }
        }
        return LowRankUpdate(layers: sums.values.sorted { $0.module < $1.module }, head: nil)
    }

    /// The nearest update of that rank, layer by layer: the largest singular values (Eckart and Young 1936).
    ///
    /// - Returns: it, and how far it is from this one, as a part of this one's size (Frobenius norms over all layers).
    /// - Throws: `EngineError` without LAPACK.
    package func truncated(to rank: Int) throws -> (update: LowRankUpdate, error: Double) {
        var (lost, all) = (0.0, 0.0)
        let layers = try layers.map { layer -> Layer in
            let (nearest, values) = try layer.truncated(to: rank)
            for (place, value) in values.enumerated() {
                let square = Double(value) * Double(value)
                all += square
                if place >= rank { lost += square }
            }
            return nearest
        }
        return (LowRankUpdate(layers: layers, head: head), all > 0 ? (lost / all).squareRoot() : 0)
    }
}

extension LowRankUpdate.Layer {
    fileprivate func beside(_ other: Self) -> Self {
        var result = self
        result.rank += other.rank
        result.a += other.a
        result.b = []
        for row in 0..<outputs {
            result.b += b[row * rank..<(row + 1) * rank]
            result.b += other.b[row * other.rank..<(row + 1) * other.rank]
        }
        return result
    }

    /// With b = Q R and aᵀ = P S, the singular values of b a are those of the small matrix R Sᵀ = U s Vᵀ, and its vectors
    /// are Q U and P V.
    ///
    /// - Returns: what is left, the singular values in b, and all of these.
    fileprivate func truncated(to most: Int) throws -> (nearest: Self, values: [Float]) {
        guard rank > 0 else { return (self, []) }
        let (q, r, k) = try Matrix(b, outputs, rank).qr()
        let (p, s, l) = try Matrix(a, rank, inputs).transposed.qr()
        let (u, values, vt) = try (Matrix(r, k, rank) * Matrix(s, l, rank).transposed).svd()
        let left = Swift.min(most, values.count)
        var result = self
        result.rank = left
        var scaled: [Float] = []
        for row in 0..<k { for place in 0..<left { scaled.append(u[row * values.count + place] * values[place]) } }
        result.b = (Matrix(q, outputs, k) * Matrix(scaled, k, left)).values
        result.a = (Matrix(Array(vt[..<(left * l)]), left, l) * Matrix(p, inputs, l).transposed).values
        return (result, values)
    }
}

/// A small matrix, row by row.
private struct Matrix {
    let values: [Float]
    let rows: Int
    let columns: Int

    init(_ values: [Float], _ rows: Int, _ columns: Int) {
        (self.values, self.rows, self.columns) = (values, rows, columns)
    }

    var transposed: Matrix {
        Matrix((0..<values.count).map { values[$0 % rows * columns + $0 / rows] }, columns, rows)
    }

    static func * (a: Matrix, b: Matrix) -> Matrix {
        var result = [Float](repeating: 0, count: a.rows * b.columns)
        for row in 0..<a.rows {
            for inner in 0..<a.columns {
                let factor = a.values[row * a.columns + inner]
                for column in 0..<b.columns {
                    result[row * b.columns + column] += factor * b.values[inner * b.columns + column]
                }
            }
        }
        return Matrix(result, a.rows, b.columns)
    }

    /// Q (rows, k), R (k, columns), and k.
    func qr() throws -> ([Float], [Float], Int) {
        let k = Swift.min(rows, columns)
        let factorisation = try Factorisation(.qr, rows: rows, columns: columns)
        var scratch = [Float](repeating: 0, count: factorisation.scratchCount)
        var (q, r) = ([Float](repeating: 0, count: rows * k), [Float](repeating: 0, count: k * columns))
        factorisation.qr(values, q: &q, r: &r, &scratch)
        return (q, r, k)
    }

    /// U (rows, k), the k values, Vᵀ (k, columns).
    func svd() throws -> ([Float], [Float], [Float]) {
        let k = Swift.min(rows, columns)
        let factorisation = try Factorisation(.svd, rows: rows, columns: columns)
        var scratch = [Float](repeating: 0, count: factorisation.scratchCount)
        var (u, s) = ([Float](repeating: 0, count: rows * k), [Float](repeating: 0, count: k))
        var vt = [Float](repeating: 0, count: k * columns)
        factorisation.svd(values, u: &u, s: &s, vt: &vt, &scratch)
        return (u, s, vt)
    }
}
