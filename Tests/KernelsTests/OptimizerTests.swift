import Foundation
import Kernels
import Testing

struct OptimizerTests {
    /// The published recurrence in float64.
    struct Exact {
        var p: [Double], m: [Double], v: [Double]

        mutating func step(_ s: ph_adamw_step, _ multiplier: Double, _ g: [Double]) {
            let rate = s.learning_rate * multiplier, t = Double(s.step)
            for i in p.indices {
                let gradient = g[i] * s.gradient_scale
                m[i] = s.beta1 * m[i] + (1 - s.beta1) * gradient
                v[i] = s.beta2 * v[i] + (1 - s.beta2) * gradient * gradient
                let first = m[i] / (1 - pow(s.beta1, t)), second = v[i] / (1 - pow(s.beta2, t))
                p[i] -= rate * s.weight_decay * p[i] + rate * first / (second.squareRoot() + s.epsilon)
            }
        }
    }

    @Test(arguments: [0.9, 0.3])
    func isTheRecurrence(_ beta1: Double) {
        let n = 131
        var p = Numbers.normal(n, seed: 1), m = [Float](repeating: 0, count: n), v = m
        var exact = Exact(p: p.doubles, m: m.doubles, v: v.doubles)
        for t in 1...20 {
            var g = Numbers.normal(n, seed: UInt32(10 + t))
            g[0] = 0
            var step = ph_adamw_step(
                learning_rate: 1e-2, beta1: beta1, beta2: 0.999, epsilon: 1e-8, weight_decay: 0.1, step: Int64(t),
                gradient_scale: 0.5)
            // Ranges in any order, as parameter groups and threads take them.
            for begin in stride(from: 0, to: n, by: 20).reversed() {
                ph_adamw(&step, 3, &p, g, &m, &v, begin, min(begin + 20, n))
            }
            exact.step(step, 3, g.doubles)
        }
        #expect(Numbers.distance(p, exact.p) < 2e-6)
        #expect(Numbers.distance(m, exact.m) < 1e-6)
        #expect(Numbers.distance(v, exact.v) < 1e-6)
    }

    @Test func onlyTheRangeChanges() {
        var p = Numbers.normal(10, seed: 1), m = [Float](repeating: 0, count: 10), v = m
        let before = p
        var step = ph_adamw_step(
            learning_rate: 0.1, beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weight_decay: 0, step: 1, gradient_scale: 1)
        ph_adamw(&step, 1, &p, [Float](repeating: 2, count: 10), &m, &v, 3, 7)
        #expect(Array(p[..<3] + p[7...]) == Array(before[..<3] + before[7...]))
        // The first step of Adam has the size of the learning rate.
        for i in 3..<7 { #expect(abs(before[i] - p[i] - 0.1) < 1e-6) }
    }
}
