import Kernels
import Testing

@Suite struct GemmTests {
    /// (m, n, k): LoRA's factors and their gradients, and shapes around the blocks of the kernels.
    static let shapes: [(Int, Int, Int)] = [
        (17, 1, 576), (17, 576, 1), (1, 576, 129), (576, 1, 129), (8, 576, 300), (576, 8, 300), (33, 16, 576),
        (33, 576, 16),
        (5, 7, 3), (1, 1, 1), (13, 97, 31), (13, 97, 32), (129, 65, 130), (100, 23, 1100), (100, 24, 1100),
        (24, 24, 24),
        (0, 5, 3), (5, 0, 3), (5, 7, 0), (40, 2, 0), (300, 100, 40),
    ]

    static func run(
        _ shape: (m: Int, n: Int, k: Int), a: [Float], b: [Float], c: inout [Float], lda: Int, ldb: Int, ldc: Int,
        transposeA: Bool, transposeB: Bool, alpha: Float, beta: Float, reversed: Bool = false
    ) {
        c.withUnsafeMutableBufferPointer { c in
            a.withUnsafeBufferPointer { a in
                b.withUnsafeBufferPointer { b in
                    var op = ph_gemm(
                        m: Int64(shape.m), n: Int64(shape.n), k: Int64(shape.k), a: a.baseAddress, lda: Int64(lda),
                        b: b.baseAddress, ldb: Int64(ldb), c: c.baseAddress, ldc: Int64(ldc),
                        transpose_a: transposeA ? 1 : 0, transpose_b: transposeB ? 1 : 0, alpha: alpha, beta: beta)
                    runTiles(ph_gemm_tiles(&op), reversed: reversed) { ph_gemm_tile(&op, $0, $1) }
                }
            }
        }
    }

    @Test(arguments: shapes.indices, [(false, false), (false, true), (true, false), (true, true)])
    func productsInDoublePrecision(index: Int, transpose: (a: Bool, b: Bool)) {
        let (m, n, k) = Self.shapes[index]
        let lda = (transpose.a ? m : k) + 2
        let ldb = (transpose.b ? k : n) + 1
        let ldc = n + 3
        var dice = Dice(index)
        let a = dice.floats((transpose.a ? k : m) * lda + 1)
        let b = dice.floats((transpose.b ? n : k) * ldb + 1)
        let old = dice.floats(m * ldc + 1)
        for (alpha, beta) in [(1, 0), (0.25, 1), (-2, 0.5)] as [(Float, Float)] {
            let reference = naiveProduct(
                m: m, n: n, k: k, alpha: alpha, beta: beta, c: (0..<m * n).map { old[$0 / n * ldc + $0 % n] },
                a: { transpose.a ? a[$1 * lda + $0] : a[$0 * lda + $1] },
                b: { transpose.b ? b[$1 * ldb + $0] : b[$0 * ldb + $1] })
            let start = beta == 0 ? old.map { _ in Float.nan } : old
            atEveryLevel { level in
                func product(rows: Int, reversed: Bool) -> [Float] {
                    var c = start
                    Self.run(
                        (rows, n, k), a: a, b: b, c: &c, lda: lda, ldb: ldb, ldc: ldc, transposeA: transpose.a,
                        transposeB: transpose.b, alpha: alpha, beta: beta, reversed: reversed)
                    return c
                }
                let c = product(rows: m, reversed: false)
                let close = agrees((0..<m * n).map { c[$0 / n * ldc + $0 % n] }, reference)
                #expect(close, "level \(level.rawValue)")
                let untouched = c.indices.allSatisfy {
                    ($0 / ldc < m && $0 % ldc < n) || c[$0].bitPattern == start[$0].bitPattern
                }
                #expect(untouched)
                let sameReversed = product(rows: m, reversed: true).map(\.bitPattern) == c.map(\.bitPattern)
                #expect(sameReversed)
                if !transpose.a, m > 1 {
                    let fewer = product(rows: m - 1, reversed: false)
                    let sameRows = (0..<(m - 1) * n).allSatisfy {
                        fewer[$0 / n * ldc + $0 % n] == c[$0 / n * ldc + $0 % n]
                    }
                    #expect(sameRows)
                }
            }
        }
    }
}
