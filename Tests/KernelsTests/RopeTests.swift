import Foundation
import Kernels
import Testing

struct RopeTests {
    @Test(arguments: [2, 24, 64, 256])
    func tableIsAccurate(_ d: Int) {
        let half = d / 2
        let positions: [Int32] = [0, 1, 2, 511, 4095, 131_071, 999_999]
        let frequency = (0..<half).map { Float(pow(10_000, -2 * Double($0) / Double(d))) }
        var c = [Float](repeating: .nan, count: 7 * half), s = c
        ph_rope_table(positions, frequency, &c, &s, half, 0, 7)
        for (token, position) in positions.enumerated() {
            for i in 0..<half {
                let angle = Double(Float(position) * frequency[i])
                #expect(Numbers.unitsOff(c[token * half + i], cos(angle)) <= 1.5)
                #expect(Numbers.unitsOff(s[token * half + i], sin(angle)) <= 1.5)
            }
        }
    }

    @Test(arguments: [(0, 2, 4), (1, 1, 2), (3, 2, 6), (5, 9, 64), (2, 1, 40)])
    func turnsPairsAndBack(_ N: Int, _ h: Int, _ d: Int) {
        let half = d / 2, x = Numbers.normal(N * h * d, seed: 1)
        let angles = Numbers.normal(N * half, seed: 2).doubles
        let c = angles.map { Float(cos($0)) }, s = angles.map { Float(sin($0)) }
        var y = x, dx = x
        for token in (0..<N).reversed() {
            y.withUnsafeMutableBufferPointer {
                ph_rope($0.baseAddress, c, s, $0.baseAddress, h, d, false, token, token + 1)
            }
        }
        func turned(_ x: [Double]) -> [Double] {
            x.indices.map { at in
                let token = at / (h * d), i = at % d
                let angle = angles[token * half + i % half]
                return i < half
                    ? x[at] * cos(angle) - x[at + half] * sin(angle)
                    : x[at] * cos(angle) + x[at - half] * sin(angle)
            }
        }
        #expect(Numbers.distance(y, turned(x.doubles)) < 1e-6)
        let dy = Numbers.normal(N * h * d, seed: 3)
        ph_rope(dy, c, s, &dx, h, d, true, 0, N)
        if N * h * d < 300 {
            let slope = Numbers.gradient(x.doubles) { Numbers.dot(turned($0), dy.doubles) }
            #expect(Numbers.distance(dx, slope) < 1e-6)
        }
        ph_rope(y, c, s, &dx, h, d, true, 0, N)
        #expect(Numbers.distance(dx, x.doubles) < 1e-6)
    }
}
