import Foundation
import Kernels
import Testing

struct SoftmaxTests {
    static let shapes = [(0, 3), (1, 1), (3, 2), (2, 17), (4, 64), (2, 1030), (1, 49_152)]

    static func softmax(_ x: [Double]) -> [Double] {
        let m = x.max()!, e = x.map { exp($0 - m) }, sum = e.reduce(0, +)
        return e.map { $0 / sum }
    }

    @Test(arguments: shapes)
    func softmax(_ N: Int, _ C: Int) {
        let x = Numbers.normal(N * C, seed: 1).map { $0 * 4 }, dy = Numbers.normal(N * C, seed: 2)
        let exact = (0..<N).flatMap { Self.softmax(Array(x.doubles[$0 * C..<($0 + 1) * C])) }
        var y = x, dx = dy
        for row in (0..<N).reversed() {
            y.withUnsafeMutableBufferPointer { ph_softmax($0.baseAddress, $0.baseAddress, C, row, row + 1) }
        }
        // Rounding x - m to float32 alone moves e^(x - m) by |x - m| 2^-24; the rest is a few roundings.
        for at in y.indices {
            let m = x[at / C * C..<(at / C + 1) * C].max()!
            let bound = Double(m - x[at]) * 0x1p-24 + 4 * 0x1p-23
            #expect(abs(Double(y[at]) - exact[at]) <= bound * exact[at])
        }
        ph_softmax_backward(y, dy, &dx, C, 0, N)
        guard C <= 64 else { return }
        let slope = Numbers.gradient(x.doubles) { moved in
            Numbers.dot((0..<N).flatMap { Self.softmax(Array(moved[$0 * C..<($0 + 1) * C])) }, dy.doubles)
        }
        #expect(Numbers.distance(dx, slope) < 1e-6)
    }

    @Test(arguments: shapes)
    func crossEntropy(_ N: Int, _ C: Int) {
        let x = Numbers.normal(N * C, seed: 1).map { $0 * 4 }, dloss = Numbers.normal(N, seed: 2)
        let target = (0..<N).map { $0 == 1 ? Int32(-1) : Int32(($0 * 7 + 1) % C) }
        var loss = [Float](repeating: .nan, count: N), lse = loss, dx = x
        ph_cross_entropy(x, target, &loss, &lse, C, 0, N)
        dx.withUnsafeMutableBufferPointer {
            ph_cross_entropy_backward($0.baseAddress, target, lse, dloss, $0.baseAddress, C, 0, N)
        }
        for row in 0..<N {
            let probabilities = Self.softmax(Array(x.doubles[row * C..<(row + 1) * C]))
            let ignored = target[row] < 0
            let exact = ignored ? 0 : -log(probabilities[Int(target[row])])
            #expect(abs(Double(loss[row]) - exact) < 1e-6 * max(1, exact))
            let gradient = probabilities.enumerated().map {
                ignored ? 0 : ($1 - ($0 == Int(target[row]) ? 1 : 0)) * Double(dloss[row])
            }
            #expect(Numbers.distance(Array(dx[row * C..<(row + 1) * C]), gradient) < 2e-6)
            let shifted = Double(x[row * C]) - log(probabilities[0])
            #expect(abs(Double(lse[row]) - shifted) < 1e-6 * max(1, abs(shifted)))
        }
    }

    @Test func largeLogits() {
        var y: [Float] = [0, 0, 0], loss: [Float] = [0], lse: [Float] = [0]
        ph_softmax([3e38, 3e38, -3e38], &y, 3, 0, 1)
        #expect(y == [0.5, 0.5, 0])
        ph_cross_entropy([1e4, -1e4, 0], [1], &loss, &lse, 3, 0, 1)
        #expect(loss == [2e4] && lse == [1e4])
        ph_softmax([-.infinity, 0, -.infinity], &y, 3, 0, 1)
        #expect(y == [0, 1, 0])
    }

    @Test func largestOnesFirst() {
        let x: [Float] = [1, 5, .nan, 5, -.infinity, 7, 2]
        var index = [Int32](repeating: -1, count: 7), value = [Float](repeating: 0, count: 7)
        ph_top_k(x, 7, 7, &index, &value)
        #expect(index == [5, 1, 3, 6, 0, 2, 4] && value == [7, 5, 5, 2, 1, -.infinity, -.infinity])
        ph_top_k(x, 7, 2, &index, &value)
        #expect(index[0...1] == [5, 1])
        ph_argmax(x + [.nan, 0, 0, 3, 3, 3, 3], &index, 7, 0, 2)
        #expect(index[0...1] == [5, 3])
        let many = Numbers.normal(3000, seed: 1)
        var first = [Int32](repeating: 0, count: 20), values = [Float](repeating: 0, count: 20)
        ph_top_k(many, 3000, 20, &first, &values)
        #expect(values == Array(many.sorted(by: >).prefix(20)) && values == first.map { many[Int($0)] })
    }
}
