import Glibc

/// What works along the last axis: softmax, norms, cross-entropy, and rope.
extension Evaluator {
    /// The places of each vector of the last axis.
    private func vectors(_ x: Tensor64) -> [Range<Int>] {
        (0..<x.shape.dropLast().reduce(1, *)).map { $0 * x.width..<($0 + 1) * x.width }
    }

    /// log Σ exp
    static func logSum(_ x: some Collection<Double>) -> Double {
        guard let top = x.max(), top > -.infinity else { return -.infinity }
        return top + log(x.reduce(0) { $0 + exp($1 - top) })
    }

    func softmax(_ x: Tensor64) -> Tensor64 {
        var y = x
        for range in vectors(x) {
            let logSum = Self.logSum(x.values[range])
            for index in range { y.values[index] = exp(x.values[index] - logSum) }
        }
        return y
    }

    /// dx = y (dy − Σ y dy)
    func softmaxGradient(_ y: Tensor64, _ dy: Tensor64) -> Tensor64 {
        var dx = y
        for range in vectors(y) {
            let dot = range.reduce(0) { $0 + y.values[$1] * dy.values[$1] }
            for index in range { dx.values[index] = y.values[index] * (dy.values[index] - dot) }
        }
        return dx
    }

    /// y = (x − mean) / √(var + ε) · weight + bias, var over n
    func layerNorm(_ x: Tensor64, _ weight: Tensor64, _ bias: Tensor64, epsilon: Double) -> [Tensor64] {
        var y = x
        var statistics: (means: [Double], rstds: [Double]) = ([], [])
        for range in vectors(x) {
            let values = x.values[range]
            let mean = values.reduce(0, +) / Double(x.width)
            let variance = values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(x.width)
            let rstd = 1 / (variance + epsilon).squareRoot()
            for (index, place) in range.enumerated() {
                y.values[place] = (x.values[place] - mean) * rstd * weight.values[index] + bias.values[index]
            }
            statistics.means.append(mean)
            statistics.rstds.append(rstd)
        }
        let shape = Array(x.shape.dropLast())
        return [y, Tensor64(shape, statistics.means), Tensor64(shape, statistics.rstds)]
    }

    /// y = x / √(mean of x² + ε) · weight
    func rmsNorm(_ x: Tensor64, _ weight: Tensor64, epsilon: Double) -> [Tensor64] {
        var y = x
        var rstds: [Double] = []
        for range in vectors(x) {
            let rstd = 1 / (x.values[range].reduce(0) { $0 + $1 * $1 } / Double(x.width) + epsilon).squareRoot()
            for (index, place) in range.enumerated() { y.values[place] = x.values[place] * rstd * weight.values[index] }
            rstds.append(rstd)
        }
        return [y, Tensor64(Array(x.shape.dropLast()), rstds)]
    }

    /// With x̂ the normalised x and g = dy · weight: dx = rstd (g − mean of g − x̂ · mean of g x̂)
    func layerNormGradient(_ x: Tensor64, weight: Tensor64, mean: Tensor64, rstd: Tensor64, dy: Tensor64) -> [Tensor64]
    {
        var dx = x
        var (dweight, dbias) = (weight.map { _ in 0 }, weight.map { _ in 0 })
        for (row, range) in vectors(x).enumerated() {
            let normal = range.map { (x.values[$0] - mean.values[row]) * rstd.values[row] }
            let g = range.enumerated().map { dy.values[$1] * weight.values[$0] }
            let meanG = g.reduce(0, +) / Double(x.width)
            let meanGX = zip(g, normal).reduce(0) { $0 + $1.0 * $1.1 } / Double(x.width)
            for (index, place) in range.enumerated() {
                dx.values[place] = rstd.values[row] * (g[index] - meanG - normal[index] * meanGX)
                dweight.values[index] += dy.values[place] * normal[index]
                dbias.values[index] += dy.values[place]
            }
        }
        return [dx, dweight, dbias]
    }

    /// With x̂ = x · rstd and g = dy · weight: dx = rstd (g − x̂ · mean of g x̂)
    func rmsNormGradient(_ x: Tensor64, weight: Tensor64, rstd: Tensor64, dy: Tensor64) -> [Tensor64] {
        var dx = x
        var dweight = weight.map { _ in 0 }
        for (row, range) in vectors(x).enumerated() {
            let normal = range.map { x.values[$0] * rstd.values[row] }
            let g = range.enumerated().map { dy.values[$1] * weight.values[$0] }
            let meanGX = zip(g, normal).reduce(0) { $0 + $1.0 * $1.1 } / Double(x.width)
            for (index, place) in range.enumerated() {
                dx.values[place] = rstd.values[row] * (g[index] - normal[index] * meanGX)
                dweight.values[index] += dy.values[place] * normal[index]
            }
        }
        return [dx, dweight]
    }

    /// The place of each row's label; nil for −1, which counts nothing.
    private func places(_ logits: Tensor64, _ labels: Tensor64) throws(ProgramError) -> [Int?] {
        var places: [Int?] = []
        for (row, label) in labels.values.enumerated() {
            guard label >= -1, label < Double(logits.width) else {
                throw ProgramError("crossEntropy: the label \(label) is not one of \(logits.width) classes")
            }
            places.append(label < 0 ? nil : row * logits.width + Int(label))
        }
        return places
    }

    /// −log softmax(logits)[label]
    func crossEntropy(_ logits: Tensor64, labels: Tensor64) throws(ProgramError) -> Tensor64 {
        let places = try places(logits, labels)
        return Tensor64(
            labels.shape,
            zip(vectors(logits), places).map { range, place in
                place.map { Self.logSum(logits.values[range]) - logits.values[$0] } ?? 0
            })
    }

    func crossEntropyGradient(_ logits: Tensor64, labels: Tensor64, dloss: Tensor64) throws(ProgramError) -> Tensor64 {
        let places = try places(logits, labels)
        var result = softmax(logits)
        for (row, range) in vectors(logits).enumerated() {
            if let place = places[row] { result.values[place] -= 1 }
            for index in range { result.values[index] *= places[row] == nil ? 0 : dloss.values[row] }
        }
        return result
    }

    /// x (N, h, d), cos and sin (N, d/2)
    func rope(_ x: Tensor64, cos: Tensor64, sin: Tensor64, inverse: Bool) -> Tensor64 {
        let (heads, half) = (x.shape[1], x.shape[2] / 2)
        var y = x
        for token in 0..<x.shape[0] {
            for head in 0..<heads {
                for index in 0..<half {
                    let a = (token * heads + head) * 2 * half + index
                    let c = cos.values[token * half + index]
                    let s = sin.values[token * half + index] * (inverse ? -1 : 1)
                    y.values[a] = x.values[a] * c - x.values[a + half] * s
                    y.values[a + half] = x.values[a + half] * c + x.values[a] * s
                }
            }
        }
        return y
    }
}
