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

    /// Gives every tensor its first values.
    ///
    /// - Throws: `EngineError` where an init graph cannot be run.
    package init(_ model: Model, method: MethodProgram?, task: Task, seed: UInt64) throws {
        self.model = model
        program = try AdaptedProgram(model.configuration, method: method, task: task)
        self.seed = seed
        try method?.check(fits: model)
        tensors = TensorStore(program.declarations)
        for (number, entry) in tensors.entries.enumerated() {
            let owner = number == head ? "head" : method?.method ?? ""
            let key = RandomKey(seed: seed, "\(owner)|\(entry.name)")
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
            let g = GraphBuilder()
            let graph = try g.finish(program.injector!.initial(assignment, at: site, in: g))
            let none = Sizes(tokens: 0, rows: 0, targets: 0)
            let executable = try compile(graph, capacity: none, inputs: nil)
            executable.run(RunContext(sizes: none), on: pool)
            for (output, target) in assignment.targets.enumerated() {
                tensors[program.number(site, target)] = executable.array(output, none)
            }
        }
    }

    /// Makes a graph of this model ready to run.
    package func compile(_ graph: Graph, capacity: Sizes, inputs: StepBuffers?) throws -> Executable {
        // Looked up first: the engine's closure may not throw what a file throws.
        var frozen: [String: FrozenTensor] = [:]
        for node in graph.nodes where node.op == .frozen {
            frozen[node.attributes.text] = try model.tensor(node.attributes.text, shape: node.type.shape.map(\.code))
        }
        return try Executable(graph, capacity: capacity, inputs: inputs, seed: seed) { node throws(EngineError) in
            switch node.op {
            case .parameter: return .memory(UnsafeMutableRawPointer(self.tensors.pointer(node.attributes.integers[0])))
            case .frozen: return .frozen(frozen[node.attributes.text]!)
            default: throw EngineError("a \(node.op.name) leaf is left over in a model's program")
            }
        }
    }
}
