import COpenBLAS
import Glibc

/// One factorisation of matrices of one size with the memory that it works in, so that no step allocates. Matrices are
/// row-major here and column-major in LAPACK. Where LAPACK reports failure (a singular matrix, NaN), results are NaN.
package struct Factorisation {
    let blas: BLAS
    let rows: Int32
    let columns: Int32
    /// LAPACK's own work space, in floats.
    private let workCount: Int32
    /// Floats that one call needs; each thread brings its own.
    package let scratchCount: Int

    package enum Kind {
        /// With `sides` right-hand sides.
        case solve(sides: Int)
        case qr
        case svd
    }

    package init(_ kind: Kind, rows: Int, columns: Int) throws(EngineError) {
        blas = try BLAS.load()
        (self.rows, self.columns) = (Int32(clamping: rows), Int32(clamping: columns))
        var (m, n, query, info) = (self.rows, self.columns, Int32(-1), Int32(0))
        var k = Swift.min(m, n)
        var best: [Float] = [0, 0]
        switch kind {
        case .solve(let sides):
            scratchCount = rows * rows + rows * sides + rows
            workCount = 0
        case .qr:
            blas.sgeqrf(&m, &n, nil, &m, nil, &best[0], &query, &info)
            blas.sorgqr(&m, &k, &k, nil, &m, nil, &best[1], &query, &info)
            workCount = Int32(Swift.max(best[0], best[1])) + 1
            scratchCount = rows * columns + Int(k) + Int(workCount)
        case .svd:
            // LAPACK sees Aᵀ (columns, rows).
            blas.sgesdd("S", &n, &m, nil, &n, nil, nil, &n, nil, &k, &best[0], &query, nil, &info)
            workCount = Int32(best[0]) + 1
            scratchCount = rows * columns + Int(workCount) + 8 * Int(k)
        }
    }

    /// X (m, sides) = A⁻¹ B; without B, of the identity.
    func solve(
        _ a: UnsafePointer<Float>, _ b: UnsafePointer<Float>?, sides: Int, into x: UnsafeMutablePointer<Float>,
        _ scratch: UnsafeMutablePointer<Float>
    ) {
        let size = Int(rows)
        let factors = scratch, right = factors + size * size
        let pivots = UnsafeMutableRawPointer(right + size * sides).assumingMemoryBound(to: Int32.self)
        transpose(a, size, size, into: factors)
        if let b {
            transpose(b, size, sides, into: right)
        } else {
            for index in 0..<size * sides { right[index] = index / size == index % size ? 1 : 0 }
        }
        var (n, nrhs, info) = (rows, Int32(sides), Int32(0))
        blas.sgesv(&n, &nrhs, factors, &n, pivots, right, &n, &info)
        if info == 0 { transpose(right, sides, size, into: x) } else { x.update(repeating: .nan, count: size * sides) }
    }

    /// A = Q (m, k) R (k, n) with the signs of Householder's reflections, as NumPy and torch give them.
    package func qr(
        _ a: UnsafePointer<Float>, q: UnsafeMutablePointer<Float>, r: UnsafeMutablePointer<Float>,
        _ scratch: UnsafeMutablePointer<Float>
    ) {
        var (m, n, k, lwork, info) = (rows, columns, Swift.min(rows, columns), workCount, Int32(0))
        let (height, width, inner) = (Int(m), Int(n), Int(k))
        let factors = scratch, tau = factors + height * width, work = tau + inner
        transpose(a, height, width, into: factors)
        blas.sgeqrf(&m, &n, factors, &m, tau, work, &lwork, &info)
        for row in 0..<inner {
            for column in 0..<width { r[row * width + column] = column < row ? 0 : factors[column * height + row] }
        }
        if info == 0 { blas.sorgqr(&m, &k, &k, factors, &m, tau, work, &lwork, &info) }
        if info == 0 {
            transpose(factors, inner, height, into: q)
        } else {
            q.update(repeating: .nan, count: height * inner)
            r.update(repeating: .nan, count: inner * width)
        }
    }

    /// A = U (m, k) s (k) Vᵀ (k, n). The component of each column of U that is largest in size, the first such, is positive.
    package func svd(
        _ a: UnsafePointer<Float>, u: UnsafeMutablePointer<Float>, s: UnsafeMutablePointer<Float>,
        vt: UnsafeMutablePointer<Float>, _ scratch: UnsafeMutablePointer<Float>
    ) {
        // Row-major A is column-major Aᵀ = V s Uᵀ: its left vectors column by column are Vᵀ row by row, its right ones U.
        var (n, m, k, lwork, info) = (columns, rows, Swift.min(rows, columns), workCount, Int32(0))
        let (height, width, inner) = (Int(m), Int(n), Int(k))
        let copy = scratch, work = copy + height * width
        let integers = UnsafeMutableRawPointer(work + Int(workCount)).assumingMemoryBound(to: Int32.self)
        copy.update(from: a, count: height * width)
        blas.sgesdd("S", &n, &m, copy, &n, s, vt, &n, u, &k, work, &lwork, integers, &info)
        guard info == 0 else {
            u.update(repeating: .nan, count: height * inner)
            s.update(repeating: .nan, count: inner)
            vt.update(repeating: .nan, count: inner * width)
            return
        }
        for component in 0..<inner {
            var largest = 0
            for row in 0..<height where abs(u[row * inner + component]) > abs(u[largest * inner + component]) {
                largest = row
            }
            guard u[largest * inner + component] < 0 else { continue }
            for row in 0..<height { u[row * inner + component].negate() }
            for column in 0..<width { vt[component * width + column].negate() }
        }
    }
}

/// to (columns, rows) = from (rows, columns) transposed, in blocks that fit the first cache.
private func transpose(_ from: UnsafePointer<Float>, _ rows: Int, _ columns: Int, into to: UnsafeMutablePointer<Float>)
{
    let block = 32
    for top in stride(from: 0, to: rows, by: block) {
        for left in stride(from: 0, to: columns, by: block) {
            for row in top..<Swift.min(top + block, rows) {
                for column in left..<Swift.min(left + block, columns) {
                    to[column * rows + row] = from[row * columns + column]
                }
            }
        }
    }
}
