import Kernels
import Testing

/// The forward (n, cols) -> (n, rows) or the transposed product (n, rows) -> (n, cols).
enum Direction: CaseIterable, Sendable {
    case forward, transposed

    /// x has the leading dimension ldx and starts at row `from`; y likewise. Changes `y`.
    func run(
        _ matrix: StoredMatrix, x: [Float], ldx: Int, y: inout [Float], ldy: Int, from: Int = 0, n: Int,
        alpha: Float = 1,
        accumulate: Bool = false, reversed: Bool = false
    ) {
        matrix.withWeight { weight in
            x.withUnsafeBufferPointer { x in
                y.withUnsafeMutableBufferPointer { y in
                    let input = x.baseAddress! + from * ldx
                    let output = y.baseAddress! + from * ldy
                    let w = weight
                    let tiles = withUnsafePointer(to: w) {
                        self == .forward ? ph_linear_tiles($0, Int64(n)) : ph_linear_t_tiles($0, Int64(n))
                    }
                    let product = self == .forward ? ph_linear_tile : ph_linear_t_tile
                    runTiles(tiles, reversed: reversed) { tile, scratch in
                        withUnsafePointer(to: w) {
                            product(
                                $0, input, Int64(ldx), output, Int64(ldy), Int64(n), alpha, accumulate ? 1 : 0, tile,
                                scratch)
                        }
                    }
                }
            }
        }
    }
}

struct LinearShape: Sendable, CustomTestStringConvertible {
    let type: StoredType
    let rows: Int
    let cols: Int

    init(_ type: StoredType, _ rows: Int, _ cols: Int) { (self.type, self.rows, self.cols) = (type, rows, cols) }

    var testDescription: String { "\(type) \(rows)x\(cols)" }

    static let all: [LinearShape] =
        [
            .init(.F32, 5, 7), .init(.F32, 1, 1), .init(.F32, 3, 1), .init(.F32, 1, 100), .init(.F32, 97, 31),
            .init(.F32, 33, 1100), .init(.F16, 19, 45), .init(.BF16, 45, 19), .init(.F16, 100, 2085),
            .init(.Q4_1, 192, 576), .init(.Q4_1, 576, 192), .init(.Q4_0, 32, 64), .init(.Q4_1, 96, 160),
            .init(.Q4_1, 161, 1536), .init(.Q5_0, 2, 32), .init(.Q5_1, 63, 96), .init(.Q8_0, 130, 224),
            .init(.NF4, 161, 1536), .init(.NF4, 576, 192), .init(.NF4, 33, 96), .init(.NF4, 45, 32),
        ] + [StoredType.Q2_K, .Q3_K, .Q4_K, .Q5_K, .Q6_K].map { LinearShape($0, 41, 512) }
}

@Suite struct LinearTests {
    static let counts = [0, 1, 2, 5, 6, 7, 13, 17, 33, 129, 300]

    @Test(arguments: LinearShape.all, Direction.allCases)
    func productsInDoublePrecision(shape: LinearShape, direction: Direction) {
        let matrix = StoredMatrix(shape.type, rows: shape.rows, cols: shape.cols)
        let (k, out) = direction == .forward ? (shape.cols, shape.rows) : (shape.rows, shape.cols)
        var dice = Dice(5)
        let (ldx, ldy) = (k + 3, out + 5)
        let most = Self.counts.last!
        let x = dice.floats(most * ldx)
        let old = dice.floats(most * ldy)
        func expected(_ alpha: Float, _ beta: Float) -> [(value: Double, size: Double)] {
            naiveProduct(
                m: most, n: out, k: k, alpha: alpha, beta: beta,
                c: (0..<most * out).map { old[$0 / out * ldy + $0 % out] },
                a: { x[$0 * ldx + $1] },
                b: { direction == .forward ? matrix.values[$1 * k + $0] : matrix.values[$0 * out + $1] })
        }
        for (alpha, accumulate) in [(1, false), (-0.5, true)] as [(Float, Bool)] {
            let reference = expected(alpha, accumulate ? 1 : 0)
            atEveryLevel { level in
                var whole: [Float] = []
                for n in Self.counts.reversed() {
                    // Where the old output is not read it may hold anything.
                    let start = accumulate ? old : old.map { _ in Float.nan }
                    var y = start
                    direction.run(matrix, x: x, ldx: ldx, y: &y, ldy: ldy, n: n, alpha: alpha, accumulate: accumulate)
                    let inside = (0..<n * out).map { y[$0 / out * ldy + $0 % out] }
                    let close = agrees(inside, Array(reference[..<(n * out)]))
                    #expect(close, "n \(n), level \(level.rawValue)")
                    let untouched = y.indices.allSatisfy {
                        ($0 / ldy < n && $0 % ldy < out) || y[$0].bitPattern == start[$0].bitPattern
                    }
                    #expect(untouched, "n \(n), level \(level.rawValue)")
                    if whole.isEmpty { whole = inside }
                    let same = inside[...] == whole[..<inside.count]
                    #expect(same, "other bits for n \(n), level \(level.rawValue)")
                }
            }
        }
    }

    @Test(arguments: LinearShape.all, Direction.allCases)
    func theOrderOfTilesAndTheOtherRowsChangeNoBit(shape: LinearShape, direction: Direction) {
        let matrix = StoredMatrix(shape.type, rows: shape.rows, cols: shape.cols)
        let (k, out) = direction == .forward ? (shape.cols, shape.rows) : (shape.rows, shape.cols)
        var dice = Dice(6)
        let n = 273
        let x = dice.floats(n * k)
        atEveryLevel { _ in
            var y = [Float](repeating: 0, count: n * out)
            direction.run(matrix, x: x, ldx: k, y: &y, ldy: out, n: n)
            var reversed = [Float](repeating: 0, count: n * out)
            direction.run(matrix, x: x, ldx: k, y: &reversed, ldy: out, n: n, reversed: true)
            let sameReversed = y == reversed
            #expect(sameReversed)
            var alone = [Float](repeating: 0, count: n * out)
            for row in 0..<n { direction.run(matrix, x: x, ldx: k, y: &alone, ldy: out, from: row, n: 1) }
            let sameAlone = y == alone
            #expect(sameAlone)
        }
    }

    @Test func enoughTilesForThreads() {
        for (rows, cols) in [(192, 576), (576, 576), (1536, 576), (576, 1536)] {
            StoredMatrix(.Q4_1, rows: rows, cols: cols).withWeight {
                #expect(ph_linear_tiles(&$0, 1) >= 8)
                #expect(ph_linear_t_tiles(&$0, 1) >= 6)
            }
        }
    }
}
