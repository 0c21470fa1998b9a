/// The types of an operator's results, or why it cannot be applied to these operands. Every rule that an operator has is
/// here: the builder, the decoder and the verifier all ask this function.
package func inferTypes(
    _ op: Operator, _ inputs: [TensorType], _ attributes: Attributes
) throws(ProgramError) -> [TensorType] {
    let rule = ShapeRule(op: op, inputs: inputs, attributes: attributes)
    let results: [TensorType] =
        if op.isLeaf {
            [try rule.leaf()]
        } else if op.isUnary {
            [try rule.float(0, of: 1)]
        } else if op.isBinary || op == .select {
            [try rule.elementwise()]
        } else {
            try rule.special()
        }
    for result in results {
        guard result.shape.dropFirst().allSatisfy({ !$0.isSymbolic }) else {
            throw rule.error("only the first axis can be a symbol, which \(result.name) breaks")
        }
        guard result.rank <= ShapeRule.maximumRank else {
            throw rule.error("\(result.rank) axes; at most \(ShapeRule.maximumRank)")
        }
        var count = 1
        for dim in result.shape {
            let product = count.multipliedReportingOverflow(by: dim.fixed ?? 1)
            guard !product.overflow, product.partialValue <= ShapeRule.maximumCount else {
                throw rule.error("\(result.name) is too large")
            }
            count = product.partialValue
        }
    }
    return results
}

/// One operator with its operands: what the rules in this folder have in hand.
struct ShapeRule {
    static let maximumRank = 6
    /// Elements of one value, symbols counted as 1.
    static let maximumCount = 1 << 34

    let op: Operator
    let inputs: [TensorType]
    let attributes: Attributes

    func error(_ message: String) -> ProgramError {
        let operands = inputs.map(\.name).joined(separator: ", ")
        return ProgramError("\(op.name)(\(operands)): \(message)")
    }

    func expect(_ condition: Bool, _ message: @autoclosure () -> String) throws(ProgramError) {
        if !condition { throw error(message()) }
    }

    func operands(_ count: Int) throws(ProgramError) {
        try expect(inputs.count == count, "takes \(count) operands, not \(inputs.count)")
    }

    func integers(_ count: Int) throws(ProgramError) {
        try expect(attributes.integers.count == count, "needs \(count) integers, not \(attributes.integers.count)")
    }

    func scalars(_ count: Int) throws(ProgramError) {
        try expect(attributes.scalars.count == count, "needs \(count) numbers, not \(attributes.scalars.count)")
    }

    /// Operand `index` of `count`, which must be f32.
    func float(_ index: Int, of count: Int) throws(ProgramError) -> TensorType {
        try operands(count)
        try expect(inputs[index].dtype == .f32, "operand \(index) must be f32")
        return inputs[index]
    }

    func floats() throws(ProgramError) {
        try expect(inputs.allSatisfy { $0.dtype == .f32 }, "operands must be f32")
    }

    func axis(_ axis: Int, of type: TensorType) throws(ProgramError) -> Int {
        try expect(type.shape.indices.contains(axis), "axis \(axis) of \(type.rank)")
        return axis
    }

    /// The type that is written into the integers of a leaf from place `start` on: dtype, then the axes.
    func writtenType(from start: Int) throws(ProgramError) -> TensorType {
        let integers = attributes.integers
        try expect(integers.count > start, "its type is missing")
        guard let dtype = UInt8(exactly: integers[start]).flatMap(DType.init(rawValue:)) else {
            throw error("no element type has the number \(integers[start])")
        }
        let shape = integers[(start + 1)...].map { Dim($0) }
        try expect(shape.allSatisfy { $0.code >= Dim.targets.code }, "no axis has the code \(integers)")
        return TensorType(shape, dtype)
    }

    func leaf() throws(ProgramError) -> TensorType {
        try operands(0)
        switch op {
        case .input:
            guard let first = attributes.integers.first, let input = StepInput(rawValue: first) else {
                throw error("there is no step input \(attributes.integers)")
            }
            return input.type
        case .iota:
            try integers(1)
            try expect(attributes.integers[0] >= 0, "a negative length")
            return TensorType([Dim(attributes.integers[0])], .i32)
        case .constant:
            let type = try writtenType(from: 0)
            try expect(type.symbol == nil, "a constant's size is a number")
            try expect(type.fixedCount <= 1 << 16, "a constant has at most 65536 elements")
            try expect(attributes.scalars.count == type.fixedCount, "holds \(attributes.scalars.count) numbers")
            return type
        default:
            try expect(attributes.integers.first.map { $0 >= 0 } ?? false, "its number is missing")
            return try writtenType(from: 1)
        }
    }

    /// Shapes aligned at their last axes; an axis of 1 stretches. (NumPy's rule.)
    func broadcast(_ a: Shape, _ b: Shape) throws(ProgramError) -> Shape {
        let rank = Swift.max(a.count, b.count)
        var shape: Shape = []
        for index in 0..<rank {
            let x = index < rank - a.count ? 1 : a[index - (rank - a.count)]
            let y = index < rank - b.count ? 1 : b[index - (rank - b.count)]
            try expect(x == y || x == 1 || y == 1, "the shapes do not broadcast (axis \(index): \(x.name) and \(y.name))")
            shape.append(x == 1 ? y : x)
        }
        return shape
    }

    func elementwise() throws(ProgramError) -> TensorType {
        try operands(op == .select ? 3 : 2)
        let isComparison = op == .equal || op == .less || op == .lessEqual
        let dtype = inputs[inputs.count - 1].dtype
        try expect(inputs[inputs.count - 2].dtype == dtype, "operands of different element types")
        try expect(
            dtype == .f32 || isComparison || op == .select || [.add, .sub, .mul, .maximum, .minimum].contains(op),
            "not defined for i32")
        var shape = inputs[0].shape
        for input in inputs.dropFirst() { shape = try broadcast(shape, input.shape) }
        if op == .select { try expect(inputs[0].dtype == .f32, "the condition must be f32 (0 or 1)") }
        return TensorType(shape, isComparison ? .f32 : dtype)
    }
}
