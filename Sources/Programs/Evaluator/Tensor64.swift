/// Numbers in row-major order, in double precision. i32 values are held as exact doubles.
package struct Tensor64: Hashable, Sendable {
    package var shape: [Int]
    package var values: [Double]

    package init(_ shape: [Int], _ values: [Double]) {
        self.shape = shape
        self.values = values
    }

    package static func scalar(_ value: Double) -> Tensor64 { Tensor64([], [value]) }

    package init(_ shape: [Int], filledWith value: Double) {
        self.init(shape, Array(repeating: value, count: shape.reduce(1, *)))
    }

    package var rank: Int { shape.count }
    package var count: Int { values.count }
    /// The size of the last axis, 1 for a scalar.
    var width: Int { shape.last ?? 1 }
    /// The elements behind the first axis: of one row.
    var rowCount: Int { shape.dropFirst().reduce(1, *) }

    /// How far apart in `values` neighbours along each axis are.
    static func strides(_ shape: [Int]) -> [Int] {
        var strides = Array(repeating: 1, count: shape.count)
        for axis in shape.indices.dropLast().reversed() { strides[axis] = strides[axis + 1] * shape[axis + 1] }
        return strides
    }

    /// For each element of `shape` in row-major order, start + Σ index × stride.
    static func offsets(_ shape: [Int], _ strides: [Int], start: Int = 0) -> [Int] {
        var offsets = [start]
        for (size, stride) in zip(shape, strides) {
            offsets = offsets.flatMap { offset in (0..<size).map { offset + $0 * stride } }
        }
        return offsets
    }

    /// Stretched by NumPy's rule.
    func broadcast(to target: [Int]) -> Tensor64 {
        if shape == target { return self }
        let added = target.count - rank
        let own = Self.strides(shape)
        let strides = target.indices.map { $0 < added || shape[$0 - added] == 1 ? 0 : own[$0 - added] }
        return Tensor64(target, Self.offsets(target, strides).map { values[$0] })
    }

    /// The shape that two shapes stretch to.
    static func broadcast(_ a: [Int], _ b: [Int]) -> [Int] {
        let rank = max(a.count, b.count)
        return (0..<rank).map { index in
            let x = index < rank - a.count ? 1 : a[index - (rank - a.count)]
            let y = index < rank - b.count ? 1 : b[index - (rank - b.count)]
            return x == 1 ? y : x
        }
    }

    /// Axis `order[i]` becomes axis i.
    func transposed(_ order: [Int]) -> Tensor64 {
        let strides = Self.strides(shape)
        let target = order.map { shape[$0] }
        return Tensor64(target, Self.offsets(target, order.map { strides[$0] }).map { values[$0] })
    }

    /// The last two axes exchanged.
    func transposed() -> Tensor64 {
        transposed(Array(0..<(rank - 2)) + [rank - 1, rank - 2])
    }

    func map(_ transform: (Double) -> Double) -> Tensor64 { Tensor64(shape, values.map(transform)) }
}
