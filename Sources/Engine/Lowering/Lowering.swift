import Kernels
import Programs

/// Turns the nodes of a graph into instructions over fixed addresses.
struct Lowering {
    let graph: Graph
    let capacity: Sizes
    let inputs: StepBuffers?
    let cache: KeyValueCache?
    let seed: UInt64
    let arena: Buffer
    private(set) var instructions: [Instruction] = []
    private(set) var kept: [AnyObject] = []
    private let plan: MemoryPlan
    private var leaves: [Int: LeafStorage] = [:]
    /// Frozen tensors that some operator needs as plain numbers.
    private var decoded: [Int: Buffer] = [:]
    private let live: [Bool]

    init(
        _ graph: Graph, capacity: Sizes, inputs: StepBuffers?, cache: KeyValueCache?, seed: UInt64,
        leaf: (Node) throws(EngineError) -> LeafStorage
    ) throws(EngineError) {
        self.graph = graph
        self.capacity = capacity
        self.inputs = inputs
        self.cache = cache
        self.seed = seed
        let live = graph.live(from: graph.outputs)
        self.live = live
        plan = MemoryPlan(graph, capacity: capacity) { live[$0] && !graph.nodes[$0].op.isLeaf }
        arena = Buffer(count: plan.count)
        for (index, node) in graph.nodes.enumerated() where live[index] && node.op.isLeaf {
            leaves[index] = try storage(of: node, leaf)
        }
    }

    private mutating func storage(
        of node: Node, _ leaf: (Node) throws(EngineError) -> LeafStorage
    ) throws(EngineError) -> LeafStorage {
        switch node.op {
        case .input:
            guard let inputs, let input = StepInput(rawValue: node.attributes.integers[0]) else {
                throw EngineError("this graph has step inputs, and was given none")
            }
            return .memory(inputs[input].raw)
        case .constant:
            let values = node.attributes.scalars
            let buffer = node.type.dtype == .f32 ? Buffer(values.map(Float.init)) : Buffer(values.map { Int32($0) })
            kept.append(buffer)
            return .memory(buffer.raw)
        case .iota:
            let buffer = Buffer((0..<Int32(node.type.fixedCount)).map { $0 })
            kept.append(buffer)
            return .memory(buffer.raw)
        default:
            let storage = try leaf(node)
            if case .frozen(let tensor) = storage {
                kept.append(tensor)
                guard tensor.count == node.type.fixedCount else {
                    throw EngineError(
                        "\(node.attributes.text) has shape \(tensor.shape), the program expects \(node.type.name)")
                }
            }
            return storage
        }
    }

    mutating func lowerAll() throws(EngineError) {
        for (index, node) in graph.nodes.enumerated() where live[index] && !node.op.isLeaf {
            try lower(index, node)
        }
    }

    private mutating func lower(_ index: Int, _ node: Node) throws(EngineError) {
        if node.op.isUnary || node.op == .unaryGradient { return try lowerUnary(index, node) }
        if node.op.isBinary || node.op == .select { return try lowerElementwise(index, node) }
        switch node.op {
        case .reshape, .stopGradient: try lowerAlias(index, node)
        case .matmul, .contract: try lowerProduct(index, node)
        case .sum, .mean, .max, .maxGradient, .rowSum, .rowMean: try lowerReduction(index, node)
        case .softmax, .softmaxGradient, .rmsNorm, .rmsNormGradient, .layerNorm, .layerNormGradient, .crossEntropy,
            .crossEntropyGradient, .rope:
            try lowerNormalisation(index, node)
        case .attention, .attentionGradient: try lowerAttention(index, node)
        case .cumsum, .sort, .topK, .kthValue: try lowerOrdering(index, node)
        case .solve, .inverse, .qr, .svd: try lowerLinearAlgebra(index, node)
        case .call: try lowerCall(index, node)
        case .cast, .transpose, .slice, .concat, .broadcast, .gather, .scatterAdd, .rowGather:
            try lowerStructure(index, node)
        case .dropout, .bernoulli, .normal, .uniform, .rowBernoulli: try lowerRandom(index, node)
        default: throw EngineError("the engine has no kernel for \(node.op.name)")
        }
    }

    // MARK: Addresses

    /// The address of a value; a frozen tensor is decoded into memory of its own first.
    mutating func pointer(_ value: Value) throws(EngineError) -> UnsafeMutableRawPointer {
        if let offset = plan.offsets[value] { return arena.raw + offset * 4 }
        switch leaves[value.node] {
        case .memory(let pointer): return pointer
        case .frozen(let tensor):
            if tensor.weight.type == UInt32(PH_F32.rawValue), tensor.isContiguous {
                return UnsafeMutableRawPointer(mutating: tensor.weight.data)
            }
            if let buffer = decoded[value.node] { return buffer.raw }
            let buffer = Buffer(tensor.values())
            decoded[value.node] = buffer
            kept.append(buffer)
            return buffer.raw
        case nil: throw EngineError("\(graph.node(value).op.name) has no storage")
        }
    }

    mutating func floats(_ value: Value) throws(EngineError) -> UnsafeMutablePointer<Float> {
        try pointer(value).assumingMemoryBound(to: Float.self)
    }

    mutating func ints(_ value: Value) throws(EngineError) -> UnsafeMutablePointer<Int32> {
        try pointer(value).assumingMemoryBound(to: Int32.self)
    }

    /// The frozen tensor behind a value, where it is one.
    func frozen(_ value: Value) -> FrozenTensor? {
        if case .frozen(let tensor) = leaves[value.node] { tensor } else { nil }
    }

    func type(_ value: Value) -> TensorType { graph.type(value) }
    func extent(_ value: Value) -> Extent { Extent(graph.type(value).shape[...]) }

    mutating func keep(_ object: AnyObject) { kept.append(object) }

    // MARK: Instructions

    mutating func emit(
        _ name: String, tiles: @escaping (RunContext) -> Int,
        run: @escaping (RunContext, Int, UnsafeMutableRawPointer) -> Void
    ) {
        instructions.append(Instruction(name: name, tiles: tiles, run: run))
    }

    /// An instruction over 0 ..< `extent`, cut into tiles of `grain`.
    mutating func emit(
        _ name: String, over extent: Extent, grain: Int, run: @escaping (RunContext, Range<Int>) -> Void
    ) {
        emit(name, tiles: { (extent.count($0.sizes) + grain - 1) / grain }) { context, tile, _ in
            let count = extent.count(context.sizes)
            run(context, tile * grain..<Swift.min((tile + 1) * grain, count))
        }
    }

    private mutating func lowerAlias(_ index: Int, _ node: Node) throws(EngineError) {
        try lowerCopy(of: node.inputs[0], to: Value(index))
    }

    /// Nothing, where the plan gave both one place.
    mutating func lowerCopy(of source: Value, to value: Value) throws(EngineError) {
        let (from, to) = (try pointer(source), try pointer(value))
        guard from != to else { return }
        emit("copy", over: extent(value), grain: 1 << 14) { _, range in
            (to + range.lowerBound * 4).copyMemory(from: from + range.lowerBound * 4, byteCount: range.count * 4)
        }
    }
}

/// How many elements or rows something has: a number, or a symbol times a number.
struct Extent {
    let symbol: Dim?
    let factor: Int

    init(_ shape: ArraySlice<Dim>) {
        symbol = shape.first.flatMap { $0.isSymbolic ? $0 : nil }
        factor = shape.reduce(1) { $0 * ($1.fixed ?? 1) }
    }

    func count(_ sizes: Sizes) -> Int { symbol.map { sizes.size($0) * factor } ?? factor }
}

extension FrozenTensor {
    var isContiguous: Bool { weight.row_bytes == weight.cols * 4 }
}
