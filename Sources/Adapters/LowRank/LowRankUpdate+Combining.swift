import Engine

extension LowRankUpdate {
    /// An update, what it is multiplied by, and where it is from.
    package typealias Part = (update: LowRankUpdate, weight: Double, place: String)

    /// The sum of several updates, each times its weight, exactly: their factors stand side by side, and so their ranks add up.
    ///
    /// - Throws: `AdapterError` where one has a classification head: heads of different tasks have no sum.
    package static func sum(_ parts: [Part]) throws -> LowRankUpdate {
        try joined(parts) { layers in
            let scaled = layers.map { layer, weight in
                var layer = layer
                layer.scale(by: weight)
                return layer
            }
            return scaled.dropFirst().reduce(scaled[0]) { $0.beside($1) }
        }
    }

    /// What two factors of the same shape each become when they are combined number by number, the weight of a part and its
    /// scale being shared between them: peft's `linear`, `ties`, `dare_linear`, `dare_ties` and `magnitude_prune`.
    ///
    /// - Throws: `AdapterError` where ranks differ, or there is a head.
    package static func combined(_ parts: [Part], _ arithmetic: Arithmetic) throws -> LowRankUpdate {
        try joined(parts) { layers in
            var result = layers[0].layer
            guard layers.allSatisfy({ $0.layer.rank == result.rank }) else {
                let ranks = layers.map { String($0.layer.rank) }.joined(separator: ", ")
                throw AdapterError(
                    "\(result.module) has adapters of the ranks \(ranks), whose factors cannot be combined",
                    place: parts[0].place, remedy: "combine what they come to: the type with _svd at its end")
            }
            let shares = layers.map { abs($0.weight * $0.layer.scale).squareRoot() }
            let signed = zip(layers, shares).map { $0.weight * $0.layer.scale < 0 ? -$1 : $1 }
            let bs = layers.map { layer, _ in
                layer.scale == 0 ? layer.b : layer.b.map { Float(Double($0) / layer.scale) }
            }
            result.a = arithmetic.combined(layers.map(\.layer.a), signed, stream: result.module + ".a")
            result.b = arithmetic.combined(bs, shares, stream: result.module + ".b")
            result.scale = 1
            return result
        }
    }

    /// The nearest update of that rank to what whole changes become when they are combined number by number: peft's types
    /// with `_svd` at their end.
    ///
    /// - Returns: it, and how far it is from what was combined, as in ``truncated(to:)``.
    /// - Throws: `AdapterError` where there is a head; `EngineError` without LAPACK.
    package static func combined(
        _ parts: [Part], _ arithmetic: Arithmetic, rank: Int
    ) throws -> (update: LowRankUpdate, error: Double) {
        var (lost, all) = (0.0, 0.0)
        let update = try joined(parts) { layers in
            let whole = arithmetic.combined(
                layers.map(\.layer.product), layers.map(\.weight), stream: layers[0].layer.module)
            var result = layers[0].layer
            let (u, values, vt) = try Matrix(whole, result.outputs, result.inputs).svd()
            for (place, value) in values.enumerated() {
                all += Double(value) * Double(value)
                if place >= rank { lost += Double(value) * Double(value) }
            }
            result.rank = Swift.min(rank, values.count)
            result.scale = 1
            result.a = Array(vt[..<(result.rank * result.inputs)])
            result.b = (0..<result.outputs).flatMap { row in
                (0..<result.rank).map { u[row * values.count + $0] * values[$0] }
            }
            return result
        }
        return (update, all > 0 ? (lost / all).squareRoot() : 0)
    }

    /// Puts together, layer by layer, what the updates that have the layer are to it.
    private static func joined(
        _ parts: [Part], _ join: ([(layer: Layer, weight: Double)]) throws -> Layer
    ) throws -> LowRankUpdate {
        var layers: [String: [(layer: Layer, weight: Double)]] = [:]
        for part in parts {
            guard part.update.head == nil else {
                throw AdapterError(
                    "it has a classification head, which cannot be added to others", place: part.place,
                    remedy: "only adapters for causal-lm can be combined")
            }
            for layer in part.update.layers { layers[layer.module, default: []].append((layer, part.weight)) }
        }
        return LowRankUpdate(layers: try layers.sorted { $0.key < $1.key }.map { try join($1) }, head: nil)
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
    /// b a: (outputs, inputs).
    fileprivate var product: [Float] { (Matrix(b, outputs, rank) * Matrix(a, rank, inputs)).values }

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
