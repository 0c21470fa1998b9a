import Kernels
import Programs

/// Elements of one tile of an element-wise instruction: few enough that a short batch keeps two cores busy.
private let grain = 2048

extension Operator {
    var unaryKernel: ph_unary_op? {
        switch self {
        case .neg: PH_NEG
        case .exp: PH_EXP
        case .log: PH_LOG
        case .sqrt: PH_SQRT
        case .abs: PH_ABS
        case .sin: PH_SIN
        case .cos: PH_COS
        case .tanh: PH_TANH
        case .sigmoid: PH_SIGMOID
        case .silu: PH_SILU
        case .gelu: PH_GELU
        case .geluTanh: PH_GELU_TANH
        case .relu: PH_RELU
        case .erf: PH_ERF
        case .floor: PH_FLOOR
        default: nil
        }
    }

    var binaryKernel: ph_binary_op? {
        switch self {
        case .add: PH_ADD
        case .sub: PH_SUB
        case .mul: PH_MUL
        case .div: PH_DIV
        case .pow: PH_POW
        case .maximum: PH_MAX
        case .minimum: PH_MIN
        case .mod: PH_MOD
        case .equal: PH_EQ
        case .less: PH_LT
        case .lessEqual: PH_LE
        default: nil
        }
    }
}

extension Lowering {
    mutating func lowerUnary(_ index: Int, _ node: Node) throws(EngineError) {
        let (x, y) = (try floats(node.inputs[0]), try floats(Value(index)))
        let elements = extent(Value(index))
        if node.op == .silu, node.inputs.count == 2 {
            let up = try floats(node.inputs[1])
            emit("swiglu", over: elements, grain: grain) { _, range in
                let start = range.lowerBound
                ph_swiglu(x + start, up + start, y + start, range.count)
            }
            return
        }
        if node.op == .unaryGradient, node.inputs.count == 3 {
            let (up, dy, dgate) = (try floats(node.inputs[1]), try floats(node.inputs[2]), try floats(Value(index, 1)))
            emit("swigluGradient", over: elements, grain: grain) { _, range in
                let start = range.lowerBound
                ph_swiglu_backward(x + start, up + start, dy + start, dgate + start, y + start, range.count)
            }
            return
        }
        if node.op == .unaryGradient {
            guard let of = Operator(rawValue: UInt16(node.attributes.integers[0])), let kernel = of.unaryKernel else {
                throw EngineError("\(node.op.name) of an operator without a kernel")
            }
            let dy = try floats(node.inputs[1])
            emit("\(of.name)Gradient", over: elements, grain: grain) { _, range in
                ph_unary_backward(
                    kernel, x + range.lowerBound, dy + range.lowerBound, y + range.lowerBound, range.count)
            }
            return
        }
        let kernel = node.op.unaryKernel!
        emit(node.op.name, over: elements, grain: grain) { _, range in
            ph_unary(kernel, x + range.lowerBound, y + range.lowerBound, range.count)
        }
    }

    mutating func lowerElementwise(_ index: Int, _ node: Node) throws(EngineError) {
        let result = type(Value(index))
        let operands = node.inputs.map(type)
        if operands[operands.count - 1].dtype == .i32 { return try lowerIntegers(index, node) }
        let elements = extent(Value(index))
        let y = try floats(Value(index))
        let sameShape = operands.allSatisfy { $0.shape == result.shape }
        let layout = BroadcastLayout(result, operands)
        let (a, b) = (try floats(node.inputs[0]), try floats(node.inputs[1]))
        if node.op == .select {
            let c = try floats(node.inputs[2])
            emit("select", over: elements, grain: grain) { context, range in
                if sameShape {
                    let start = range.lowerBound
                    ph_where(a + start, b + start, c + start, y + start, range.count)
                } else {
                    var shape = layout.at(context.sizes)
                    ph_where_broadcast(a, b, c, y, &shape, range.lowerBound, range.upperBound)
                }
            }
            return
        }
        let kernel = node.op.binaryKernel!
        emit(node.op.name, over: elements, grain: grain) { context, range in
            if sameShape {
                let start = range.lowerBound
                ph_binary(kernel, a + start, b + start, y + start, range.count)
            } else {
                var shape = layout.at(context.sizes)
                ph_binary_broadcast(kernel, a, b, y, &shape, range.lowerBound, range.upperBound)
            }
        }
    }

    /// Integers are indices: few, and never in a hot place.
    private mutating func lowerIntegers(_ index: Int, _ node: Node) throws(EngineError) {
        let operands = node.inputs.map(type)
        let layout = BroadcastLayout(type(Value(index)), operands)
        let (y, out) = (try ints(Value(index)), try floats(Value(index)))
        let last = node.inputs.count - 1
        let (a, b) = (try ints(node.inputs[last - 1]), try ints(node.inputs[last]))
        let condition = node.op == .select ? try floats(node.inputs[0]) : nil
        let op = node.op
        emit(op.name, over: extent(Value(index)), grain: grain) { context, range in
            for element in range {
                let p = a[layout.offset(of: element, in: last - 1, context.sizes)]
                let q = b[layout.offset(of: element, in: last, context.sizes)]
                switch op {
                case .add: y[element] = p &+ q
                case .sub: y[element] = p &- q
                case .mul: y[element] = p &* q
                case .maximum: y[element] = Swift.max(p, q)
                case .minimum: y[element] = Swift.min(p, q)
                case .equal: out[element] = p == q ? 1 : 0
                case .less: out[element] = p < q ? 1 : 0
                case .lessEqual: out[element] = p <= q ? 1 : 0
                default: y[element] = condition![layout.offset(of: element, in: 0, context.sizes)] != 0 ? p : q
                }
            }
        }
    }
}

/// How operands stretch to a result whose first axis only a batch knows.
struct BroadcastLayout {
    private let symbol: Dim?
    private let shape: ph_broadcast

    init(_ result: TensorType, _ operands: [TensorType]) {
        symbol = result.symbol
        var shape = ph_broadcast()
        shape.rank = Int32(result.rank)
        withUnsafeMutableBytes(of: &shape.size) { raw in
            let size = raw.bindMemory(to: Int64.self)
            for (axis, dim) in result.shape.enumerated() { size[axis] = Int64(dim.fixed ?? 0) }
        }
        withUnsafeMutableBytes(of: &shape.stride) { raw in
            let stride = raw.bindMemory(to: Int64.self)
            for (operand, type) in operands.enumerated() {
                var step = 1
                for (axis, dim) in type.shape.enumerated().reversed() {
                    let place = axis + result.rank - type.rank
                    let stretches = dim == 1 && result.shape[place] != 1
                    stride[operand * 6 + place] = stretches ? 0 : Int64(step)
                    step *= dim.fixed ?? 1
                }
            }
        }
        self.shape = shape
    }

    func at(_ sizes: Sizes) -> ph_broadcast {
        guard let symbol else { return shape }
        var shape = shape
        shape.size.0 = Int64(sizes.size(symbol))
        return shape
    }

    /// Where element `index` of the result comes from in an operand.
    func offset(of index: Int, in operand: Int, _ sizes: Sizes) -> Int {
        let shape = at(sizes)
        var (rest, offset) = (index, 0)
        withUnsafeBytes(of: shape) { raw in
            let size = raw.baseAddress! + MemoryLayout<ph_broadcast>.offset(of: \.size)!
            let stride = raw.baseAddress! + MemoryLayout<ph_broadcast>.offset(of: \.stride)!
            for axis in (0..<Int(shape.rank)).reversed() {
                let extent = Int(size.load(fromByteOffset: axis * 8, as: Int64.self))
                offset += rest % extent * Int(stride.load(fromByteOffset: (operand * 6 + axis) * 8, as: Int64.self))
                rest /= extent
            }
        }
        return offset
    }
}
