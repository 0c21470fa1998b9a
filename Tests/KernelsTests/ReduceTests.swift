import Kernels
import Testing

struct ReduceTests {
    @Test(arguments: [(0, 3, 2), (1, 1, 1), (3, 5, 1), (2, 1000, 1), (1, 130, 576), (4, 3, 65), (2, 0, 3)])
    func isTheFormula(_ outer: Int, _ axis: Int, _ inner: Int) {
        let x = Numbers.normal(outer * axis * inner, seed: 1)
        for op in [PH_SUM, PH_MEAN, PH_MAXIMUM] {
            let exact = (0..<outer * inner).map { at in
                let values = (0..<axis).map { Double(x[(at / inner * axis + $0) * inner + at % inner]) }
                let sum = values.reduce(0, +)
                return op == PH_SUM ? sum : op == PH_MEAN ? sum / Double(axis) : values.max() ?? -.infinity
            }
            var y = [Float](repeating: .nan, count: outer * inner), parts = y
            ph_reduce(op, x, &y, axis, inner, 0, y.count)
            for (a, b) in zip(y, exact) { #expect(Double(a) == b || abs(Double(a) - b) < 1e-5 || b.isNaN && a.isNaN) }
            for begin in stride(from: 0, to: y.count, by: 3).reversed() {
                ph_reduce(op, x, &parts, axis, inner, begin, min(begin + 3, y.count))
            }
            #expect(parts.bits == y.bits)
        }
    }

    @Test func notANumberIsTheMaximum() {
        var x = Numbers.normal(100, seed: 1), y: [Float] = [0, 0]
        x[70] = .nan
        ph_reduce(PH_MAXIMUM, x, &y, 100, 1, 0, 1)
        #expect(y[0].isNaN)
        ph_reduce(PH_MAXIMUM, x, &y, 50, 2, 0, 2)
        #expect(y[0].isNaN && !y[1].isNaN)
    }

    @Test(arguments: [0, 1, 16_384, 40_001])
    func sumOfSquares(_ n: Int) {
        let x = Numbers.normal(n, seed: 1), chunks = (n + Int(PH_SQUARES_CHUNK) - 1) / Int(PH_SQUARES_CHUNK)
        var partial = [Double](repeating: .nan, count: chunks)
        for chunk in (0..<chunks).reversed() { ph_sum_squares(x, n, &partial, chunk, chunk + 1) }
        let exact = x.doubles.reduce(0) { $0 + $1 * $1 }
        #expect(abs(partial.reduce(0, +) - exact) <= 1e-12 * exact)
    }
}
