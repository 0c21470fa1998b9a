import Glibc
import Kernels
import Programs

extension Lowering {
    mutating func lowerStructure(_ index: Int, _ node: Node) throws(EngineError) {
        switch node.op {
        case .cast: try lowerCast(index, node)
        case .gather: try lowerGather(index, node)
        case .scatterAdd: try lowerScatterAdd(index, node)
        case .rowGather:
            guard let rowOf = inputs?[.rowOfToken].ints else {
                throw EngineError("row_gather needs the rows of a batch")
            }
            let width = Extent(type(Value(index)).shape.dropFirst()).factor
            let (x, y) = (try floats(node.inputs[0]), try floats(Value(index)))
            emit("rowGather", over: Extent([.tokens]), grain: 32) { _, range in
                for token in range { memcpy(y + token * width, x + Int(rowOf[token]) * width, width * 4) }
            }
        case .concat: try lowerConcat(index, node)
        case .slice:
            let x = type(node.inputs[0])
            let axis = node.attributes.integers[0]
            let inner = Extent(x.shape[(axis + 1)...]).factor
            let (size, start) = (x.shape[axis].fixed ?? 0, node.attributes.integers[1])
            let width = (node.attributes.integers[2] - start) * inner
            let (from, to) = (try pointer(node.inputs[0]), try pointer(Value(index)))
            emit("slice", over: Extent(x.shape[..<axis]), grain: 64) { _, range in
                for outer in range {
                    memcpy(to + outer * width * 4, from + (outer * size + start) * inner * 4, width * 4)
                }
            }
        default: try lowerStrided(index, node)
        }
    }

    /// Transposition and broadcasting: every element of the result from a place that strides give.
    private mutating func lowerStrided(_ index: Int, _ node: Node) throws(EngineError) {
        let result = type(Value(index))
        var operand = type(node.inputs[0])
        var strides = StridedCopy(result)
        if node.op == .transpose {
            var steps = Array(repeating: 1, count: operand.rank)
            for axis in operand.shape.indices.dropLast().reversed() {
                steps[axis] = steps[axis + 1] * (operand.shape[axis + 1].fixed ?? 1)
            }
            strides.steps = node.attributes.integers.map { steps[$0] }
        } else {
            operand.shape = Array(repeating: 1, count: result.rank - operand.rank) + operand.shape
            var step = 1
            for axis in operand.shape.indices.reversed() {
                strides.steps[axis] = operand.shape[axis] == 1 ? 0 : step
                step *= operand.shape[axis].fixed ?? 1
            }
        }
        let copy = strides
        let (from, to) = (try ints(node.inputs[0]), try ints(Value(index)))
        emit(node.op.name, over: Extent(result.shape.dropLast()), grain: 64) { context, range in
            for line in range { copy.line(line, context.sizes, from: from, to: to) }
        }
    }

    private mutating func lowerConcat(_ index: Int, _ node: Node) throws(EngineError) {
        let axis = node.attributes.integers[0]
        let result = type(Value(index))
        let inner = Extent(result.shape[(axis + 1)...]).factor
        let width = (result.shape[axis].fixed ?? 0) * inner
        let to = try pointer(Value(index))
        var start = 0
        for input in node.inputs {
            let part = (type(input).shape[axis].fixed ?? 0) * inner
            let (from, at) = (try pointer(input), start)
            emit("concat", over: Extent(result.shape[..<axis]), grain: 64) { _, range in
                for outer in range { memcpy(to + (outer * width + at) * 4, from + outer * part * 4, part * 4) }
            }
            start += part
        }
    }

    private mutating func lowerCast(_ index: Int, _ node: Node) throws(EngineError) {
        let (from, to) = (type(node.inputs[0]).dtype, type(Value(index)).dtype)
        let (x, y) = (try pointer(node.inputs[0]), try pointer(Value(index)))
        emit("cast", over: extent(Value(index)), grain: 8192) { _, range in
            let (floats, ints) = (x.assumingMemoryBound(to: Float.self), x.assumingMemoryBound(to: Int32.self))
            switch (from, to) {
            case (.i32, .f32): for i in range { y.assumingMemoryBound(to: Float.self)[i] = Float(ints[i]) }
            case (.f32, .i32):
                // Towards zero; what no integer can hold becomes the nearest, NaN becomes 0.
                for i in range {
                    let value = floats[i]
                    y.assumingMemoryBound(to: Int32.self)[i] =
                        value.isNaN ? 0 : Int32(Swift.max(-2_147_483_648, Swift.min(2_147_483_520, value)))
                }
            default: memcpy(y + range.lowerBound * 4, x + range.lowerBound * 4, range.count * 4)
            }
        }
    }

    /// An index outside of the table gives NaN, so that it shows.
    private mutating func lowerGather(_ index: Int, _ node: Node) throws(EngineError) {
        let indices = try ints(node.inputs[1])
        let table = Extent(type(node.inputs[0]).shape.prefix(1))
        let width = Extent(type(node.inputs[0]).shape.dropFirst()).factor
        let rows = Extent(type(node.inputs[1]).shape[...])
        let y = try floats(Value(index))
        if let tensor = frozen(node.inputs[0]), tensor.shape.count == 2 {
            emit("embedding", over: rows, grain: 8) { context, range in
                let count = table.count(context.sizes)
                withUnsafePointer(to: tensor.weight) { weight in
                    for row in range {
                        if (0..<count).contains(Int(indices[row])) {
                            ph_embedding_rows(weight, indices + row, y + row * width, 1)
                        } else {
                            (y + row * width).update(repeating: .nan, count: width)
                        }
                    }
                }
            }
            return
        }
        let from = try floats(node.inputs[0])
        emit("gather", over: rows, grain: 32) { context, range in
            let count = table.count(context.sizes)
            for row in range {
                if (0..<count).contains(Int(indices[row])) {
                    memcpy(y + row * width, from + Int(indices[row]) * width, width * 4)
                } else {
                    (y + row * width).update(repeating: .nan, count: width)
                }
            }
        }
    }

    /// Updates of one row are added in their order, whatever the number of threads. With an index outside of the result
    /// all of it is NaN, so that it shows.
    private mutating func lowerScatterAdd(_ index: Int, _ node: Node) throws(EngineError) {
        let indices = try ints(node.inputs[0])
        let updateCount = Extent(type(node.inputs[0]).shape[...])
        let rows = Extent(type(Value(index)).shape.prefix(1))
        let width = Extent(type(Value(index)).shape.dropFirst()).factor
        let (updates, y) = (try floats(node.inputs[1]), try floats(Value(index)))
        emit("scatterAdd", over: Extent([Dim(width)]), grain: 64) { context, columns in
            let (count, size) = (rows.count(context.sizes), updateCount.count(context.sizes))
            let isInside = (0..<size).allSatisfy { (0..<count).contains(Int(indices[$0])) }
            for row in 0..<count {
                (y + row * width + columns.lowerBound).update(repeating: isInside ? 0 : .nan, count: columns.count)
            }
            guard isInside else { return }
            for update in 0..<size {
                ph_axpy(
                    1, updates + update * width + columns.lowerBound,
                    y + Int(indices[update]) * width + columns.lowerBound, columns.count)
            }
        }
    }
}

/// Copies lines (the last axis) of a result from where an operand has them.
struct StridedCopy {
    private let symbol: Dim?
    private let sizes: [Int]
    /// Elements between neighbours along each axis of the result.
    var steps: [Int]

    init(_ result: TensorType) {
        symbol = result.symbol
        sizes = result.shape.map { $0.fixed ?? 0 }
        steps = Array(repeating: 0, count: result.rank)
    }

    func line(_ line: Int, _ batch: Sizes, from: UnsafeMutablePointer<Int32>, to: UnsafeMutablePointer<Int32>) {
        guard let last = sizes.indices.last else {
            to[0] = from[0]
            return
        }
        var (rest, start) = (line, 0)
        for axis in sizes.indices.dropLast().reversed() {
            if axis == 0 {
                start += rest * steps[0]
            } else {
                start += rest % sizes[axis] * steps[axis]
                rest /= sizes[axis]
            }
        }
        let width = last == 0 && symbol != nil ? batch.size(symbol!) : sizes[last]
        let (out, step) = (to + line * width, steps[last])
        for element in 0..<width { out[element] = from[start + element * step] }
    }
}
