extension Evaluator {
    func slice(_ x: Tensor64, axis: Int, _ range: Range<Int>) -> Tensor64 {
        let strides = Tensor64.strides(x.shape)
        var shape = x.shape
        shape[axis] = range.count
        let offsets = Tensor64.offsets(shape, strides, start: range.lowerBound * strides[axis])
        return Tensor64(shape, offsets.map { x.values[$0] })
    }

    func concat(_ parts: [Tensor64], axis: Int, shape: [Int]) -> Tensor64 {
        let strides = Tensor64.strides(shape)
        var result = Tensor64(shape, filledWith: 0)
        var start = 0
        for part in parts {
            let offsets = Tensor64.offsets(part.shape, strides, start: start * strides[axis])
            for (offset, value) in zip(offsets, part.values) { result.values[offset] = value }
            start += part.shape[axis]
        }
        return result
    }

    /// Indices as integers, each in 0..<count.
    private func indices(_ tensor: Tensor64, below count: Int, _ name: String) throws(ProgramError) -> [Int] {
        guard let wrong = tensor.values.first(where: { !($0 >= 0 && $0 < Double(count)) }) else {
            return tensor.values.map { Int($0) }
        }
        throw ProgramError("\(name): the index \(wrong) is not in 0..<\(count)")
    }

    func gather(_ table: Tensor64, _ indices: Tensor64) throws(ProgramError) -> Tensor64 {
        let width = table.rowCount
        let rows = try self.indices(indices, below: table.shape[0], "gather")
        return Tensor64(
            indices.shape + table.shape.dropFirst(), rows.flatMap { table.values[($0 * width)..<(($0 + 1) * width)] })
    }

    func scatterAdd(_ indices: Tensor64, _ updates: Tensor64, shape: [Int]) throws(ProgramError) -> Tensor64 {
        var result = Tensor64(shape, filledWith: 0)
        let width = result.rowCount
        for (place, row) in try self.indices(indices, below: shape[0], "scatterAdd").enumerated() {
            for index in 0..<width { result.values[row * width + index] += updates.values[place * width + index] }
        }
        return result
    }

    /// (R, …) → (N, …)
    func rowGather(_ x: Tensor64) -> Tensor64 {
        let width = x.rowCount
        let rows = context.rowOfToken
        return Tensor64(
            [rows.count] + x.shape.dropFirst(), rows.flatMap { x.values[($0 * width)..<(($0 + 1) * width)] })
    }

    /// (N, …) → (R, …): the sum over each row's tokens, or their mean; 0 for a row without tokens.
    func rowReduce(_ x: Tensor64, mean: Bool) -> Tensor64 {
        let width = x.rowCount
        var result = Tensor64([sizes.rows] + x.shape.dropFirst(), filledWith: 0)
        for row in 0..<sizes.rows {
            let tokens = context.tokens(of: row)
            let factor = mean ? 1 / Double(Swift.max(tokens.count, 1)) : 1
            for token in tokens {
                for index in 0..<width {
                    result.values[row * width + index] += factor * x.values[token * width + index]
                }
            }
        }
        return result
    }

    func cumsum(_ x: Tensor64, axis: Int) -> Tensor64 {
        let stride = Tensor64.strides(x.shape)[axis]
        var result = x
        for index in x.values.indices where index / stride % x.shape[axis] > 0 {
            result.values[index] += result.values[index - stride]
        }
        return result
    }

    /// The first `count` of each vector in an order, with their indices.
    private func ordered(_ x: Tensor64, first count: Int, by areInOrder: (Double, Double) -> Bool) -> [Tensor64] {
        let shape: [Int] = x.shape.dropLast() + [count]
        var values = Tensor64(shape, [])
        var places = Tensor64(shape, [])
        for vector in 0..<x.shape.dropLast().reduce(1, *) {
            let start = vector * x.width
            // `sorted` keeps equal elements in order.
            let order = (0..<x.width).sorted { areInOrder(x.values[start + $0], x.values[start + $1]) }.prefix(count)
            values.values += order.map { x.values[start + $0] }
            places.values += order.map(Double.init)
        }
        return [values, places]
    }

    func sort(_ x: Tensor64) -> [Tensor64] { ordered(x, first: x.width, by: <) }
    func topK(_ x: Tensor64, _ k: Int) -> [Tensor64] { ordered(x, first: k, by: >) }

    /// The k-th smallest of all, k brought into 1...count.
    func kthValue(_ x: Tensor64, _ k: Tensor64) -> Tensor64 {
        let place = Swift.min(Swift.max(k.values[0], 1), Double(x.count))
        return .scalar(x.values.sorted()[Int(place) - 1])
    }
}
