import Kernels

/// Inputs and comparisons that the tests of the kernels share.
enum Numbers {
    /// `count` normal numbers.
    static func normal(_ count: Int, seed: UInt32) -> [Float] {
        [Float](unsafeUninitializedCapacity: count) { buffer, initialized in
            if count > 0 { ph_random_normal([seed, 7], 0, 0, buffer.baseAddress!, count) }
            initialized = count
        }
    }

    /// The largest |a - b| / max(1, |b|).
    static func distance(_ a: [Float], _ b: [Double]) -> Double {
        precondition(a.count == b.count)
        return zip(a, b).map { abs(Double($0) - $1) / max(1, abs($1)) }.reduce(0) { $1 <= $0 ? $0 : $1 }
    }

    /// Distance of `value` from `exact` in units of the last place of a Float near `exact`.
    static func unitsOff(_ value: Float, _ exact: Double) -> Double {
        if Float(exact).isInfinite || Float(exact).isNaN {
            return Float(exact) == value || (exact.isNaN && value.isNaN) ? 0 : .infinity
        }
        return abs(Double(value) - exact) / Double(max(Float(exact).ulp, Float.leastNonzeroMagnitude))
    }

    /// The derivative of `f` along coordinate `i`, by central differences in float64.
    static func slope(_ x: [Double], _ i: Int, _ f: ([Double]) -> Double) -> Double {
        let step = 1e-5
        var up = x, down = x
        up[i] += step
        down[i] -= step
        return (f(up) - f(down)) / (2 * step)
    }

    /// All of `slope`.
    static func gradient(_ x: [Double], _ f: ([Double]) -> Double) -> [Double] { x.indices.map { slope(x, $0, f) } }

    static func dot(_ a: [Double], _ b: [Double]) -> Double { zip(a, b).reduce(0) { $0 + $1.0 * $1.1 } }
}

extension [Float] {
    var doubles: [Double] { map(Double.init) }

    /// The bit patterns: for comparisons that must not forgive anything.
    var bits: [UInt32] { map(\.bitPattern) }
}
