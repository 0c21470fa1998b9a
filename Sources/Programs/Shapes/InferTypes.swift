/// The types of an operator's results, or why it cannot be applied to these operands. Every rule that an operator has is
/// here: the builder, the decoder and the verifier all ask this function.
package func inferTypes(
    _ op: Operator, _ inputs: [TensorType], _ attributes: Attributes
) throws(ProgramError) -> [TensorType] {
    let rule = ShapeRule(op: op, inputs: inputs, attributes: attributes)
    for input in inputs { try rule.check(input) }
    if let count = op.integerCount { try rule.count(attributes.integers.count, count, "integers") }
    if let count = op.scalarCount { try rule.count(attributes.scalars.count, count, "numbers") }
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
    for result in results { try rule.check(result) }
    return results
}

/// One operator with its operands: what the rules in this folder have in hand.
struct ShapeRule {
    static let maximumRank = 6
    /// Elements of one value, symbols and empty axes counted as 1.
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

    func count(_ count: Int, _ wanted: Int, _ what: String) throws(ProgramError) {
        try expect(count == wanted, "needs \(wanted) \(what), not \(count)")
    }

    /// The limits that hold for every value. A type that passed can be multiplied out without overflow.
    func check(_ type: TensorType) throws(ProgramError) {
        try expect(type.rank <= Self.maximumRank, "\(type.rank) axes; at most \(Self.maximumRank)")
        try expect(
            type.shape.dropFirst().allSatisfy { !$0.isSymbolic }
                && type.shape.allSatisfy { $0.code >= Dim.targets.code },
            "only the first axis can be a symbol (N, R or M), which \(type.name) breaks")
        var count = 1
        for dim in type.shape {
            let product = count.multipliedReportingOverflow(by: Swift.max(dim.fixed ?? 1, 1))
            try expect(!product.overflow && product.partialValue <= Self.maximumCount, "\(type.name) is too large")
            count = product.partialValue
        }
    }

    /// Integer `index`, which must be 0 or 1.
    func flag(_ index: Int) throws(ProgramError) -> Bool {
        let integer = attributes.integers[index]
        try expect(integer == 0 || integer == 1, "\(integer) is neither 0 nor 1")
        return integer == 1
    }

    /// Scalar `index`, which must lie in `range`.
    func scalar(_ index: Int, in range: ClosedRange<Double>, _ what: String) throws(ProgramError) {
        let scalar = attributes.scalars[index]
        try expect(range.contains(scalar), "the \(what) \(scalar) is not in \(range)")
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
        let type = TensorType(integers[(start + 1)...].map { Dim($0) }, dtype)
        try check(type)
        return type
    }

    func leaf() throws(ProgramError) -> TensorType {
        try operands(0)
        switch op {
        case .input:
            guard let input = StepInput(rawValue: attributes.integers[0]) else {
                throw error("there is no step input \(attributes.integers[0])")
            }
            return input.type
        case .iota:
            try expect(attributes.integers[0] >= 0, "a negative length")
            return TensorType([Dim(attributes.integers[0])], .i32)
        case .constant:
            let type = try writtenType(from: 0)
            try expect(type.symbol == nil, "a constant's size is a number")
            try expect(type.fixedCount <= 1 << 16, "a constant has at most 65536 elements")
            try expect(attributes.scalars.count == type.fixedCount, "holds \(attributes.scalars.count) numbers")
            return type
        default:
            guard let number = attributes.integers.first, number >= 0 else { throw error("its number is missing") }
            let type = try writtenType(from: 1)
            if op == .site {
                try expect(SiteValue(rawValue: number) != nil, "there is no value \(number) of a site")
                try expect(type.dtype == .f32 && type.symbol == nil, "a site's values are f32 of a fixed size")
            }
            if op == .rowInput {
                try expect(type.dtype == .f32 && type.symbol == .rows, "a row's input is f32 (R, …)")
                try expect((1...256).contains(attributes.text.utf8.count), "its name is empty or too long")
            }
            return type
        }
    }

    /// Shapes aligned at their last axes; an axis of 1 stretches. (NumPy's rule.)
    func broadcast(_ a: Shape, _ b: Shape) throws(ProgramError) -> Shape {
        let rank = Swift.max(a.count, b.count)
        var shape: Shape = []
        for index in 0..<rank {
            let x = index < rank - a.count ? 1 : a[index - (rank - a.count)]
            let y = index < rank - b.count ? 1 : b[index - (rank - b.count)]
            try expect(
                x == y || x == 1 || y == 1, "the shapes do not broadcast (axis \(index): \(x.name) and \(y.name))")
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
