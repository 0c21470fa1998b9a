import Engine
import Programs

/// What the model is asked to do. Words and numbers are Hugging Face's.
package enum Task: Equatable, Sendable {
    case causalLM
    case sequenceClassification(labels: Int)

    package var name: String { self == .causalLM ? "CAUSAL_LM" : "SEQ_CLS" }
    /// Classes of the head; 0 without one.
    package var labels: Int {
        if case .sequenceClassification(let labels) = self { labels } else { 0 }
    }
}

/// A frozen model with a method at its sites and the task's head: one program, and the tensors that belong to it.
package final class AdaptedModel {
    package let model: Model
    package let program: AdaptedProgram
    package let seed: UInt64
    /// The method's tensors under the names that they are stored by, then the head.
    package let tensors: TensorStore

    package var method: MethodProgram? { program.method }
    package var task: Task { program.task }
    /// The number of the classification head (labels, hidden) in ``tensors``.
    package var head: Int? { program.head }
    /// What the method puts in front of every row.
    package var prefix: RowPrefix { program.prefix }
    /// Of texts that init graphs start from.
    private var textCache = TextCache()

    /// Gives every tensor its first values.
    ///
    /// - Throws: `EngineError` where an init graph cannot be run.
    package init(_ model: Model, method: MethodProgram?, task: Task, seed: UInt64) throws {
        self.model = model
        program = try AdaptedProgram(model.configuration, method: method, task: task)
        self.seed = seed
        try method?.check(fits: model, task)
        tensors = TensorStore(program.declarations)
        for (number, entry) in tensors.entries.enumerated() {
            // The head starts the same whatever it is stored as.
            let name = number == head ? "head|base_model.model.score.weight" : "\(method?.method ?? "")|\(entry.name)"
            let key = RandomKey(seed: seed, name)
            if let values = entry.declaration.initializer.values(entry.declaration.type, key) {
                tensors[number] = values
            }
        }
        if let head, let score = try model.score(labels: task.labels) { tensors[head] = score }
        try runInitGraphs()
    }

    /// Sets what the method's init graphs set: its own tensors, then those of each site.
    private func runInitGraphs() throws {
        guard let method else { return }
        let pool = WorkerPool(threads: 1)
        var all: [(site: Int?, assignment: Assignment)] = method.initialize.map { [(nil, $0)] } ?? []
        for (index, site) in method.sites.enumerated() {
            if let assignment = site.initialize { all.append((index, assignment)) }
        }
        for (site, assignment) in all {
            // A copy: what compiles looks into the one that is here.
            var cache = textCache
            try cache.prepare(for: method.graphs[assignment.graph], model.configuration, pool: pool) {
                try compile($0, capacity: $1, inputs: $2)
            }
            textCache = cache
            let g = GraphBuilder()
            let values = program.injector!.initial(assignment, at: site, in: g, frozen: frozenParts(at: site, in: g))
            let graph = try g.finish(values)
            let none = Sizes(tokens: 0, rows: 0, targets: 0)
            let executable = try compile(graph, capacity: none, inputs: nil)
            executable.run(RunContext(sizes: none), on: pool)
            for (output, target) in assignment.targets.enumerated() {
                tensors[program.number(site, target)] = executable.array(output, none)
            }
        }
    }

    /// What the frozen model gives to a graph that stands outside of it, in init and merge.
    func frozenParts(at site: Int?, in g: GraphBuilder) -> (Node, [Value]) -> Value? {
        let llama = Llama(model.configuration, in: g)
        let description = site.flatMap { method?.sites[$0].site }
        return { node, inputs in
            switch node.op {
            case .base: description.map { llama.linear(inputs[0], $0) }
            case .tableRows: llama.embedded(inputs[0])
            case .project:
                Projection(rawValue: node.attributes.integers[0]).flatMap { projection in
                    description.map { llama.project(projection, inputs[0], $0.layer) }
                }
            case .textCache:
                TextCache.ids(inputs[0], in: g.graph).map { g.frozen(TextCache.name(node, ids: $0), node.type) }
            default: nil
            }
        }
    }

    /// Makes a graph of this model ready to run.
    ///
    /// - Parameters:
    ///   - recomputing: what is computed twice instead of kept.
    ///   - cache: holds the tokens that were read before.
    ///   - arguments: where the graph's operands 0, 1, … lie.
    ///   - replaced: what stands for tensors of the base.
    ///   - parameter: where a tensor lies; nil: in ``tensors``.
    package func compile(
        _ graph: Graph, capacity: Sizes, recomputing: Recomputation? = nil, inputs: StepBuffers?,
        cache: KeyValueCache? = nil, arguments: [UnsafeMutableRawPointer] = [], replaced: [String: FrozenTensor] = [:],
        parameter: ((Int) -> UnsafeMutablePointer<Float>)? = nil
    ) throws -> Executable {
        let parameter = parameter ?? tensors.pointer
        // Looked up first: the engine's closure may not throw what a file throws.
        var frozen: [Attributes: FrozenTensor] = [:]
        for node in graph.nodes where node.op == .frozen {
            let (name, shape) = (node.attributes.text, node.type.shape.map(\.code))
            let isOriginal = node.attributes.integers[0] == 1
            let known = textCache.tensors[name] ?? replaced[name]
            frozen[node.attributes] =
                try known
                ?? (isOriginal ? model.original(name, shape: shape) : model.tensor(name, shape: shape))
        }
        return try Executable(
            graph, capacity: capacity, recomputing: recomputing, inputs: inputs, cache: cache, seed: seed
        ) {
            node throws(EngineError) in
            switch node.op {
            case .parameter: return .memory(UnsafeMutableRawPointer(parameter(node.attributes.integers[0])))
            case .frozen: return .frozen(frozen[node.attributes]!)
            case .argument where arguments.indices.contains(node.attributes.integers[0]):
                return .memory(arguments[node.attributes.integers[0]])
            case .rowInput:
                guard let inputs else { throw EngineError("this graph has inputs of rows, and was given none") }
                return .memory(inputs.rowInput(node.attributes.text, node.type).raw)
            default: throw EngineError("a \(node.op.name) leaf is left over in a model's program")
            }
        }
    }
}
