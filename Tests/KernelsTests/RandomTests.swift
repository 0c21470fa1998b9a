import Foundation
import Kernels
import Testing

struct RandomTests {
    /// Known answers published with Random123 (kat_vectors): counter, key, output.
    static let knownAnswers: [([UInt32], [UInt32], [UInt32])] = [
        ([0, 0, 0, 0], [0, 0], [0x6627_e8d5, 0xe169_c58d, 0xbc57_ac4c, 0x9b00_dbd8]),
        (
            [.max, .max, .max, .max], [.max, .max],
            [0x408f_276d, 0x41c8_3b0e, 0xa20b_c7c6, 0x6d54_51fd]
        ),
        (
            [0x243f_6a88, 0x85a3_08d3, 0x1319_8a2e, 0x0370_7344], [0xa409_3822, 0x299f_31d0],
            [0xd16c_fe09, 0x94fd_cceb, 0x5001_e420, 0x2412_6ea1]
        ),
    ]

    @Test func philoxGivesThePublishedAnswers() {
        for (counter, key, answer) in Self.knownAnswers {
            var out = [UInt32](repeating: 0, count: 4)
            ph_philox(counter, key, &out)
            #expect(out == answer)
        }
    }

    typealias Draw = @Sendable (UInt64, UnsafeMutablePointer<Float>, Int) -> Void

    static let draws: [Draw] = [
        { ph_random_uniform([5, 6], 9, $0, $1, $2) },
        { ph_random_normal([5, 6], 9, $0, $1, $2) },
        { ph_random_bernoulli([5, 6], 9, $0, 0.3, $1, $2) },
    ]

    @Test(arguments: 0..<3)
    func anyPartOfAStreamIsTheSame(_ which: Int) {
        var whole = [Float](repeating: 0, count: 1000), parts = whole
        Self.draws[which](0, &whole, 1000)
        var at = 0
        for count in [1, 2, 0, 127, 128, 129, 300, 313] {
            parts.withUnsafeMutableBufferPointer { Self.draws[which](UInt64(at), $0.baseAddress! + at, count) }
            at += count
        }
        #expect(at == 1000 && parts.bits == whole.bits)
    }

    @Test func uniformIsTheTopOfTheWords() {
        var words = [UInt32](repeating: 0, count: 4), out = [Float](repeating: 0, count: 4)
        let block = UInt64(1) << 32 + 3
        ph_philox([3, 1, 9, 0], [5, 6], &words)
        ph_random_uniform([5, 6], 9, block * 4, &out, 4)
        #expect(out == words.map { Float($0 >> 8) / 16_777_216 })
    }

    @Test func momentsAreThoseOfTheDistribution() {
        let n = 1_000_000
        var x = [Float](repeating: 0, count: n)
        ph_random_uniform([1, 2], 3, 0, &x, n)
        #expect(x.allSatisfy { $0 >= 0 && $0 < 1 })
        #expect(abs(x.doubles.reduce(0, +) / Double(n) - 0.5) < 0.0015)
        ph_random_normal([1, 2], 3, 0, &x, n)
        let moments = (1...4).map { power in x.doubles.reduce(0) { $0 + pow($1, Double(power)) } / Double(n) }
        for (moment, exact) in zip(moments, [0.0, 1, 0, 3]) { #expect(abs(moment - exact) < 0.03) }
        ph_random_bernoulli([1, 2], 3, 0, 0.3, &x, n)
        #expect(abs(x.doubles.reduce(0, +) / Double(n) - 0.3) < 0.002)
    }

    @Test func normalIsBoxAndMuller() {
        var u = [Float](repeating: 0, count: 2000), z = u
        ph_random_uniform([1, 2], 3, 0, &u, 2000)
        ph_random_normal([1, 2], 3, 0, &z, 2000)
        let exact = stride(from: 0, to: 2000, by: 2).flatMap { i in
            let radius = (-2 * log(Double(u[i]) + 0x1p-24)).squareRoot(), angle = 2 * Double.pi * Double(u[i + 1])
            return [radius * cos(angle), radius * sin(angle)]
        }
        #expect(Numbers.distance(z, exact) < 2e-6)
        // The same bits on every CPU: what the machine of this test drew must be what any other draws.
        var digest: UInt64 = 14_695_981_039_346_656_037
        for bits in z.bits { digest = (digest ^ UInt64(bits)) &* 1_099_511_628_211 }
        #expect(digest == Self.digestOfNormals)
    }

    /// Taken from the portable version of random.c, compiled without any instruction set extension.
    static let digestOfNormals: UInt64 = 3_077_245_169_162_284_943

    static func dropout(
        _ x: [Float], width: Int, p: Float, rows: [Int32], positions: [Int32], step: UInt32 = 3, micro: UInt32 = 4
    ) -> [Float] {
        var y = x
        var stream = ph_dropout_stream(key: (1, 2), step: step, micro_batch: micro)
        ph_dropout(x, &y, width, p, &stream, rows, positions, 0, rows.count)
        return y
    }

    @Test func dropoutDependsOnRowAndPositionNotOnPlace() {
        let width = 133, x = [Float](repeating: 1, count: 4 * width)
        let y = Self.dropout(x, width: width, p: 0.25, rows: [0, 0, 1, 1], positions: [0, 1, 0, 1])
        let moved = Self.dropout(x, width: width, p: 0.25, rows: [1, 0, 0, 1], positions: [0, 1, 0, 1])
        func token(_ values: [Float], _ i: Int) -> [Float] { Array(values[i * width..<(i + 1) * width]) }
        #expect(token(moved, 0) == token(y, 2) && token(moved, 2) == token(y, 0))
        #expect(token(moved, 1) == token(y, 1) && token(moved, 3) == token(y, 3))
        let masks = (0..<4).map { token(y, $0) }
        for (i, j) in [(0, 1), (0, 2), (1, 2), (2, 3)] { #expect(masks[i] != masks[j]) }
        #expect(y.allSatisfy { $0 == 0 || $0 == 1 / (1 - Float(0.25)) })
        for (step, micro) in [(4, 4), (3, 5), (4, 3)] as [(UInt32, UInt32)] {
            let other = Self.dropout(
                x, width: width, p: 0.25, rows: [0, 0, 1, 1], positions: [0, 1, 0, 1], step: step, micro: micro)
            #expect(other != y)
        }
    }

    @Test func dropoutKeepsTheGivenShare() {
        let width = 1000, x = [Float](repeating: 1, count: 200 * width)
        let rows = (0..<200).map { Int32($0 / 20) }, positions = (0..<200).map { Int32($0 % 20) }
        let y = Self.dropout(x, width: width, p: 0.1, rows: rows, positions: positions)
        #expect(abs(Double(y.count { $0 == 0 }) / 200_000 - 0.1) < 0.003)
        #expect(Self.dropout(x, width: width, p: 0, rows: rows, positions: positions) == x)
        let none = Self.dropout(x, width: width, p: 1, rows: rows, positions: positions)
        #expect(none.allSatisfy { $0 == 0 })
        #expect(Self.dropout([], width: width, p: 0.1, rows: [], positions: []).isEmpty)
    }
}
