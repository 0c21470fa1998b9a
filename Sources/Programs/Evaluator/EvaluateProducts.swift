extension Evaluator {
    /// c (m, o) += a (m, k) · b (k, o), each at an offset in its values.
    private func multiply(
        _ a: [Double], _ aStart: Int, _ b: [Double], _ bStart: Int, _ c: inout [Double], _ cStart: Int,
        m: Int, k: Int, o: Int
    ) {
        for row in 0..<m {
            for inner in 0..<k {
                let factor = a[aStart + row * k + inner]
                for column in 0..<o { c[cStart + row * o + column] += factor * b[bStart + inner * o + column] }
            }
        }
    }

    func matmul(_ a: Tensor64, _ b: Tensor64, transposeA: Bool, transposeB: Bool) -> Tensor64 {
        let a = transposeA ? a.transposed() : a
        let b = transposeB ? b.transposed() : b
        let (m, k, o) = (a.shape[a.rank - 2], a.width, b.width)
        let batch = Tensor64.broadcast(Array(a.shape.dropLast(2)), Array(b.shape.dropLast(2)))
        let left = a.broadcast(to: batch + [m, k]).values
        let right = b.broadcast(to: batch + [k, o]).values
        var result = Tensor64(batch + [m, o], filledWith: 0)
        for index in 0..<batch.reduce(1, *) {
            multiply(left, index * m * k, right, index * k * o, &result.values, index * m * o, m: m, k: k, o: o)
        }
        return result
    }

    /// Σ over the axes in front of a (…, I) ⊗ b (…, O)
    func contract(_ a: Tensor64, _ b: Tensor64) -> Tensor64 {
        let count = a.shape.dropLast().reduce(1, *)
        let flat = Tensor64([count, a.width], a.values)
        return matmul(flat, Tensor64([count, b.width], b.values), transposeA: true, transposeB: false)
    }

    /// For each element of x the place in the reduced result that it goes to. `integers` are those of the operator.
    private func destinations(_ x: Tensor64, _ integers: [Int]) -> [Int] {
        let axes = integers.count == 1 ? Array(x.shape.indices) : Array(integers.dropFirst())
        let kept = Tensor64.strides(x.shape.enumerated().map { axes.contains($0) ? 1 : $1 })
        return Tensor64.offsets(x.shape, kept.enumerated().map { axes.contains($0) ? 0 : $1 })
    }

    func reduce(_ op: Operator, _ x: Tensor64, _ integers: [Int], shape: [Int]) -> Tensor64 {
        var result = Tensor64(shape, filledWith: op == .max ? -.infinity : 0)
        for (index, place) in destinations(x, integers).enumerated() {
            let value = x.values[index]
            result.values[place] = op == .max ? Swift.max(result.values[place], value) : result.values[place] + value
        }
        guard op == .mean else { return result }
        let count = result.count == 0 ? 1 : Double(x.count / result.count)
        return result.map { $0 / count }
    }

    /// dy to the first of the greatest elements.
    func maxGradient(_ x: Tensor64, _ dy: Tensor64, _ integers: [Int]) -> Tensor64 {
        var first: [Int?] = Array(repeating: nil, count: dy.count)
        for (index, place) in destinations(x, integers).enumerated() {
            if first[place].map({ x.values[index] > x.values[$0] }) ?? true { first[place] = index }
        }
        var result = Tensor64(x.shape, filledWith: 0)
        for (place, index) in first.enumerated() { if let index { result.values[index] = dy.values[place] } }
        return result
    }
}
