import Kernels
import Testing

struct NormTests {
    struct Shape: Sendable {
        var rows: Int, columns: Int, weighted: Bool
    }

    static let shapes = [(0, 5), (1, 1), (1, 7), (3, 16), (5, 33), (4, 576)].flatMap { shape in
        [true, false].map { Shape(rows: shape.0, columns: shape.1, weighted: $0) }
    }

    static let epsilon: Float = 1e-5

    /// Root mean square norm in float64.
    static func rms(_ x: [Double], _ w: [Double]?, _ shape: Shape) -> [Double] {
        (0..<shape.rows).flatMap { row in
            let values = x[row * shape.columns..<(row + 1) * shape.columns]
            let mean = values.reduce(0) { $0 + $1 * $1 } / Double(shape.columns)
            let r = 1 / (mean + Double(epsilon)).squareRoot()
            return values.enumerated().map { $1 * r * (w?[$0] ?? 1) }
        }
    }

    static func layer(_ x: [Double], _ w: [Double]?, _ b: [Double]?, _ shape: Shape) -> [Double] {
        (0..<shape.rows).flatMap { row in
            let values = x[row * shape.columns..<(row + 1) * shape.columns]
            let mean = values.reduce(0, +) / Double(shape.columns)
            let variance = values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(shape.columns)
            let r = 1 / (variance + Double(epsilon)).squareRoot()
            return values.enumerated().map { ($1 - mean) * r * (w?[$0] ?? 1) + (b?[$0] ?? 0) }
        }
    }

    @Test(arguments: shapes)
    func rmsNorm(_ shape: Shape) {
        let (N, C) = (shape.rows, shape.columns)
        let a = Numbers.normal(N * C, seed: 1), b = Numbers.normal(N * C, seed: 2)
        let dy = Numbers.normal(N * C, seed: 3), w = shape.weighted ? Numbers.normal(C, seed: 4) : nil
        var sum = a, y = a, rstd = [Float](repeating: 0, count: N), plain = a, again = rstd
        ph_add_rms_norm(a, b, w, Self.epsilon, &sum, &y, &rstd, C, 0, N)
        #expect(sum == zip(a, b).map(+))
        #expect(Numbers.distance(y, Self.rms(sum.doubles, w?.doubles, shape)) < 1e-6)
        for row in (0..<N).reversed() { ph_rms_norm(sum, w, Self.epsilon, &plain, &again, C, row, row + 1) }
        #expect(plain.bits == y.bits && again.bits == rstd.bits)

        var dx = a, dw = [Float](repeating: .nan, count: C), both = dy
        ph_rms_norm_backward(sum, w, rstd, dy, nil, &dx, C, 0, N)
        let slope = Numbers.gradient(sum.doubles) { Numbers.dot(Self.rms($0, w?.doubles, shape), dy.doubles) }
        #expect(Numbers.distance(dx, slope) < 1e-5)
        both.withUnsafeMutableBufferPointer {
            ph_rms_norm_backward(sum, w, rstd, $0.baseAddress, b, $0.baseAddress, C, 0, N)
        }
        #expect(Numbers.distance(both, zip(slope, b).map { $0 + Double($1) }) < 1e-5)
        for c in (0..<C).reversed() { ph_rms_norm_weight_gradient(sum, rstd, dy, &dw, N, C, c, c + 1) }
        let ones = [Double](repeating: 1, count: C)
        let weightSlope = Numbers.gradient(ones) { Numbers.dot(Self.rms(sum.doubles, $0, shape), dy.doubles) }
        #expect(Numbers.distance(dw, weightSlope) < 1e-5)
    }

    @Test(arguments: shapes)
    func layerNorm(_ shape: Shape) {
        let (N, C) = (shape.rows, shape.columns)
        let x = Numbers.normal(N * C, seed: 1).map { $0 + 2 }, dy = Numbers.normal(N * C, seed: 3)
        let w = shape.weighted ? Numbers.normal(C, seed: 4) : nil, b = shape.weighted ? Numbers.normal(C, seed: 5) : nil
        var y = x, mean = [Float](repeating: 0, count: N), rstd = mean
        for row in (0..<N).reversed() { ph_layer_norm(x, w, b, Self.epsilon, &y, &mean, &rstd, C, row, row + 1) }
        #expect(Numbers.distance(y, Self.layer(x.doubles, w?.doubles, b?.doubles, shape)) < 2e-6)

        if C > 1 {  // the slope at C = 1 is 0 / sqrt(eps): a quotient of rounding errors
            var dx = x
            let extra = Numbers.normal(N * C, seed: 6)
            ph_layer_norm_backward(x, w, mean, rstd, dy, extra, &dx, C, 0, N)
            let slope = Numbers.gradient(x.doubles) {
                Numbers.dot(Self.layer($0, w?.doubles, nil, shape), dy.doubles)
            }
            #expect(Numbers.distance(dx, zip(slope, extra).map { $0 + Double($1) }) < 2e-5)
        }
        var dw = [Float](repeating: .nan, count: C), db = dw
        ph_layer_norm_weight_gradient(x, mean, rstd, dy, &dw, &db, N, C, 0, C)
        let ones = [Double](repeating: 1, count: C)
        let weightSlope = Numbers.gradient(ones) { Numbers.dot(Self.layer(x.doubles, $0, nil, shape), dy.doubles) }
        #expect(Numbers.distance(dw, weightSlope) < 1e-5)
        let sums = (0..<C).map { c in (0..<N).reduce(0.0) { $0 + Double(dy[$1 * C + c]) } }
        #expect(Numbers.distance(db, sums) < 1e-6)
    }
}
