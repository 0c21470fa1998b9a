extension Evaluator {
    /// A⁻¹B by elimination with the greatest pivot, for each matrix of the axes in front.
    func solve(_ a: Tensor64, _ b: Tensor64) throws(ProgramError) -> Tensor64 {
        let (n, width) = (a.width, b.width)
        var (a, b) = (a, b)
        for matrix in 0..<a.shape.dropLast(2).reduce(1, *) {
            let (first, right) = (matrix * n * n, matrix * n * width)
            for column in 0..<n {
                let pivot = (column..<n).max {
                    abs(a.values[first + $0 * n + column]) < abs(a.values[first + $1 * n + column])
                }!
                guard a.values[first + pivot * n + column] != 0 else {
                    throw ProgramError("solve: the matrix is singular")
                }
                for index in 0..<n { a.values.swapAt(first + pivot * n + index, first + column * n + index) }
                for index in 0..<width {
                    b.values.swapAt(right + pivot * width + index, right + column * width + index)
                }
                for row in 0..<n where row != column {
                    let factor = a.values[first + row * n + column] / a.values[first + column * n + column]
                    for index in column..<n {
                        a.values[first + row * n + index] -= factor * a.values[first + column * n + index]
                    }
                    for index in 0..<width {
                        b.values[right + row * width + index] -= factor * b.values[right + column * width + index]
                    }
                }
            }
            for row in 0..<n {
                for index in 0..<width { b.values[right + row * width + index] /= a.values[first + row * n + row] }
            }
        }
        return b
    }

    func inverse(_ a: Tensor64) throws(ProgramError) -> Tensor64 {
        try solve(a, identity(a.width).broadcast(to: a.shape))
    }

    private func identity(_ n: Int) -> Tensor64 {
        Tensor64([n, n], (0..<n * n).map { $0 / n == $0 % n ? 1 : 0 })
    }

    /// A (m, n) = Q (m, k) R (k, n) by Householder reflections, with the signs of LAPACK.
    func qr(_ a: Tensor64) -> [Tensor64] {
        let (m, n) = (a.shape[0], a.shape[1])
        let k = Swift.min(m, n)
        var r = a.values
        var q = identity(m).values
        for column in 0..<Swift.min(k, Swift.max(m - 1, 0)) {
            let alpha = r[column * n + column]
            let below = (column + 1..<m).reduce(0) { $0 + r[$1 * n + column] * r[$1 * n + column] }
            guard below > 0 else { continue }
            let norm = (alpha * alpha + below).squareRoot()
            var v = (0..<m).map { $0 < column ? 0 : r[$0 * n + column] }
            v[column] += alpha < 0 ? -norm : norm
            let length = v.reduce(0) { $0 + $1 * $1 }
            for index in 0..<n {
                let factor = 2 * (0..<m).reduce(0) { $0 + v[$1] * r[$1 * n + index] } / length
                for row in 0..<m { r[row * n + index] -= factor * v[row] }
            }
            for row in 0..<m {
                let factor = 2 * (0..<m).reduce(0) { $0 + q[row * m + $1] * v[$1] } / length
                for index in 0..<m { q[row * m + index] -= factor * v[index] }
            }
        }
        return [
            slice(Tensor64([m, m], q), axis: 1, 0..<k),
            Tensor64([k, n], (0..<k * n).map { $0 % n < $0 / n ? 0 : r[$0] }),
        ]
    }

    /// A (m, n) = U (m, k) · s (k) · Vᵀ (k, n), by one-sided Jacobi rotations (Hestenes 1958).
    func svd(_ a: Tensor64) -> [Tensor64] {
        let (m, n) = (a.shape[0], a.shape[1])
        // The columns of the taller of A and Aᵀ, turned until they are orthogonal; the turns gather in v.
        let tall = m >= n ? a.transposed() : a
        var u = columns(tall)
        var v = columns(identity(u.count))
        for _ in 0..<60 {
            var isDone = true
            for i in u.indices {
                for j in u.indices.dropFirst(i + 1) {
                    let (p, q, d) = (dot(u[i], u[i]), dot(u[j], u[j]), dot(u[i], u[j]))
                    guard abs(d) > 1e-15 * (p * q).squareRoot(), d != 0 else { continue }
                    isDone = false
                    let zeta = (q - p) / (2 * d)
                    let t = (zeta < 0 ? -1 : 1) / (abs(zeta) + (1 + zeta * zeta).squareRoot())
                    let c = 1 / (1 + t * t).squareRoot()
                    rotate(&u, i, j, c, c * t)
                    rotate(&v, i, j, c, c * t)
                }
            }
            if isDone { break }
        }
        let norms = u.map { dot($0, $0).squareRoot() }
        let order = u.indices.sorted { norms[$0] > norms[$1] }
        let s = order.map { norms[$0] }
        var left: [[Double]] = []
        for (index, column) in order.enumerated() {
            let isZero = s[index] <= 1e-14 * s[0]
            left.append(isZero ? orthogonal(to: left, count: tall.width) : u[column].map { $0 / s[index] })
        }
        var right = order.map { v[$0] }
        if m < n { swap(&left, &right) }
        for index in left.indices {
            let largest = left[index].max { abs($0) < abs($1) } ?? 0
            guard largest < 0 else { continue }
            left[index] = left[index].map { -$0 }
            right[index] = right[index].map { -$0 }
        }
        let k = left.count
        return [
            Tensor64([k, m], left.flatMap { $0 }).transposed(), Tensor64([k], s),
            Tensor64([k, n], right.flatMap { $0 }),
        ]
    }

    /// The rows of a matrix that holds columns as rows.
    private func columns(_ x: Tensor64) -> [[Double]] {
        (0..<x.shape[0]).map { Array(x.values[($0 * x.width)..<(($0 + 1) * x.width)]) }
    }

    private func dot(_ a: [Double], _ b: [Double]) -> Double { zip(a, b).reduce(0) { $0 + $1.0 * $1.1 } }

    private func rotate(_ x: inout [[Double]], _ i: Int, _ j: Int, _ c: Double, _ s: Double) {
        for index in x[i].indices {
            let (a, b) = (x[i][index], x[j][index])
            x[i][index] = c * a - s * b
            x[j][index] = s * a + c * b
        }
    }

    /// A unit vector orthogonal to some: the axis that is least among them, with their parts taken out twice.
    private func orthogonal(to others: [[Double]], count: Int) -> [Double] {
        let axis = (0..<count).min { a, b in
            others.reduce(0) { $0 + $1[a] * $1[a] } < others.reduce(0) { $0 + $1[b] * $1[b] }
        }
        var vector = (0..<count).map { $0 == axis ? 1.0 : 0 }
        for _ in 0..<2 {
            for other in others {
                let part = dot(vector, other)
                for index in vector.indices { vector[index] -= part * other[index] }
            }
        }
        let norm = dot(vector, vector).squareRoot()
        return vector.map { $0 / norm }
    }
}
