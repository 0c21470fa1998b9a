import Foundation
import Kernels
import Testing

struct ElementwiseTests {
    struct Function: Sendable {
        var op: ph_unary_op
        var exact: @Sendable (Double) -> Double
        var slope: @Sendable (Double) -> Double
        var domain: ClosedRange<Double> = -9...9
        /// Units of the last place, or an absolute error where a difference of near numbers is in the formula.
        var units: Double? = 0.5
    }

    static func sigmoid(_ x: Double) -> Double { 1 / (1 + exp(-x)) }
    static func gelu(_ x: Double) -> Double { 0.5 * x * erfc(-x * 0.5.squareRoot()) }
    static func geluTanh(_ x: Double) -> Double {
        0.5 * x * (1 + tanh((2 / Double.pi).squareRoot() * (x + 0.044715 * x * x * x)))
    }

    /// Central difference, for functions whose derivative is long to write.
    static func difference(_ f: @escaping @Sendable (Double) -> Double) -> @Sendable (Double) -> Double {
        { (f($0 + 1e-5) - f($0 - 1e-5)) / 2e-5 }
    }

    static let functions: [Function] = [
        .init(op: PH_NEG, exact: { -$0 }, slope: { _ in -1 }),
        .init(op: PH_EXP, exact: exp, slope: exp, domain: -110...95, units: 1.5),
        .init(op: PH_LOG, exact: log, slope: { 1 / $0 }, domain: 1e-3...50, units: 1.5),
        .init(op: PH_SQRT, exact: { $0.squareRoot() }, slope: { 0.5 / $0.squareRoot() }, domain: 1e-3...50),
        // rsqrt: half a unit from the quotient, and up to one from the root.
        .init(
            op: PH_RSQRT, exact: { 1 / $0.squareRoot() }, slope: { -0.5 * pow($0, -1.5) }, domain: 1e-3...50, units: 1.5
        ),
        .init(op: PH_ABS, exact: abs, slope: { $0 > 0 ? 1 : $0 < 0 ? -1 : 0 }),
        .init(op: PH_SIN, exact: sin, slope: cos, domain: -1e6...1e6, units: 1.5),
        .init(op: PH_COS, exact: cos, slope: { -sin($0) }, domain: -1e6...1e6, units: 1.5),
        .init(op: PH_SIN, exact: sin, slope: cos, domain: -7...7, units: 1.5),
        .init(op: PH_COS, exact: cos, slope: { -sin($0) }, domain: -7...7, units: 1.5),
        .init(op: PH_TANH, exact: tanh, slope: { 1 - tanh($0) * tanh($0) }, units: 2),
        .init(op: PH_SIGMOID, exact: sigmoid, slope: { sigmoid($0) * sigmoid(-$0) }, domain: -80...30, units: 3),
        .init(
            op: PH_SILU, exact: { $0 * sigmoid($0) }, slope: { sigmoid($0) * (1 + $0 * sigmoid(-$0)) },
            domain: -80...30, units: 3),
        .init(op: PH_GELU, exact: gelu, slope: difference(gelu), units: nil),
        .init(op: PH_GELU_TANH, exact: geluTanh, slope: difference(geluTanh), units: nil),
        .init(op: PH_RELU, exact: { max($0, 0) }, slope: { $0 > 0 ? 1 : 0 }),
        .init(op: PH_ERF, exact: erf, slope: { 2 / Double.pi.squareRoot() * exp(-$0 * $0) }, units: 2),
        .init(op: PH_FLOOR, exact: { $0.rounded(.down) }, slope: { _ in 0 }),
    ]

    @Test(arguments: functions)
    func isTheFunction(_ function: Function) {
        let n = 200_003, span = function.domain.upperBound - function.domain.lowerBound
        let x = (0..<n).map { Float(function.domain.lowerBound + span * Double($0) / Double(n - 1)) }
        var y = x
        y.withUnsafeMutableBufferPointer { ph_unary(function.op, $0.baseAddress, $0.baseAddress, n) }
        if let units = function.units {
            let worst = zip(x, y).map { Numbers.unitsOff($1, function.exact(Double($0))) }.max()!
            #expect(worst <= units, "\(worst) units")
        } else {
            #expect(Numbers.distance(y, x.map { function.exact(Double($0)) }) < 5e-7)
        }
        var parts = x
        for at in stride(from: 0, to: 1000, by: 7) {
            parts.withUnsafeMutableBufferPointer {
                ph_unary(function.op, $0.baseAddress! + at, $0.baseAddress! + at, 7)
            }
        }
        // Alone, in short runs or in long ones: the same element, apart from fused or separate roundings.
        #expect(Numbers.distance(Array(parts[..<1000]), y[..<1000].map(Double.init)) < 5e-7)
    }

    @Test(arguments: functions)
    func backwardIsTheSlope(_ function: Function) {
        let narrow = max(function.domain.lowerBound, -20)...min(function.domain.upperBound, 20)
        let x = (0..<997).map {
            Float(narrow.lowerBound + (narrow.upperBound - narrow.lowerBound) * Double($0) / 996)
        }
        let dy = Numbers.normal(997, seed: 3)
        var dx = dy
        ph_unary_backward(function.op, x, dy, &dx, 997)
        let exact = zip(x, dy).map { function.slope(Double($0)) * Double($1) }
        #expect(Numbers.distance(dx, exact) < 2e-6)
    }

    @Test func edgesOfTheDomain() {
        func value(_ op: ph_unary_op, _ x: Float) -> Float {
            var y: [Float] = .init(repeating: 0, count: 9)
            ph_unary(op, [Float](repeating: x, count: 9), &y, 9)
            #expect(Set(y.map(\.bitPattern)).count == 1)  // the vector and the rest agree
            return y[0]
        }
        let top = Float.greatestFiniteMagnitude, least = Float.leastNonzeroMagnitude
        for (op, x, y) in [
            (PH_EXP, .infinity, .infinity), (PH_EXP, -.infinity, 0), (PH_EXP, top, .infinity), (PH_EXP, -top, 0),
            (PH_EXP, 0, 1), (PH_LOG, 0, -.infinity), (PH_LOG, 1, 0), (PH_LOG, .infinity, .infinity),
            (PH_LOG, least, log(least)), (PH_LOG, top, log(top)), (PH_TANH, .infinity, 1), (PH_TANH, -.infinity, -1),
            (PH_TANH, top, 1), (PH_TANH, 0, 0), (PH_TANH, 1e-20, 1e-20), (PH_ERF, .infinity, 1),
            (PH_ERF, -.infinity, -1), (PH_SIGMOID, .infinity, 1), (PH_SIGMOID, -.infinity, 0), (PH_SILU, 0, 0),
            (PH_SIN, 0, 0), (PH_COS, 0, 1), (PH_RELU, -.infinity, 0), (PH_ABS, -.infinity, .infinity),
        ] as [(ph_unary_op, Float, Float)] { #expect(value(op, x) == y, "\(op) of \(x)") }
        for op in [PH_EXP, PH_LOG, PH_TANH, PH_ERF, PH_SIN, PH_COS, PH_SIGMOID, PH_SILU, PH_GELU, PH_RELU] {
            #expect(value(op, .nan).isNaN, "\(op)")
        }
        for (op, x) in [(PH_LOG, -1), (PH_SIN, .infinity), (PH_COS, -.infinity), (PH_SQRT, -1)]
            as [(ph_unary_op, Float)]
        {
            #expect(value(op, x).isNaN)
        }
        // Arguments near multiples of pi, where only an exact reduction keeps the relative error.
        for k in [1, 2, 355, 100_000, 318_309] {
            let x = Float(Double(k) * Double.pi)
            #expect(Numbers.unitsOff(value(PH_SIN, x), sin(Double(x))) <= 1.5)
        }
    }

    @Test(arguments: [0, 1, 5, 1000])
    func swiglu(_ n: Int) {
        let g = Numbers.normal(n, seed: 1), u = Numbers.normal(n, seed: 2), dy = Numbers.normal(n, seed: 3)
        var y = g
        ph_swiglu(g, u, &y, n)
        #expect(Numbers.distance(y, zip(g, u).map { Double($0) * Self.sigmoid(Double($0)) * Double($1) }) < 1e-6)
        var dg = g, du = u
        dg.withUnsafeMutableBufferPointer { a in
            du.withUnsafeMutableBufferPointer { b in
                ph_swiglu_backward(a.baseAddress, b.baseAddress, dy, a.baseAddress, b.baseAddress, n)
            }
        }
        let value = { (g: Double, u: Double) in g * Self.sigmoid(g) * u }
        for i in 0..<n {
            let (g, u, d) = (Double(g[i]), Double(u[i]), Double(dy[i]))
            let slopes = (
                d * (value(g + 1e-5, u) - value(g - 1e-5, u)) / 2e-5, d * (value(g, u + 1) - value(g, u))
            )
            #expect(abs(Double(dg[i]) - slopes.0) < 2e-6 * max(1, abs(slopes.0)))
            #expect(abs(Double(du[i]) - slopes.1) < 2e-6 * max(1, abs(slopes.1)))
        }
    }

    @Test func axpyAndScale() {
        let x = Numbers.normal(37, seed: 1), y0 = Numbers.normal(37, seed: 2)
        var y = y0
        ph_axpy(0.5, x, &y, 37)
        #expect(y == zip(x, y0).map { 0.5 * $0 + $1 })
        y.withUnsafeMutableBufferPointer { ph_scale(-3, $0.baseAddress, $0.baseAddress, 37) }
        #expect(y == zip(x, y0).map { -3 * (0.5 * $0 + $1) })
    }
}
