import Engine
import Programs

/// What the frozen model keeps of a text, keys turned by their positions and values of every layer: where a method that
/// starts from a real text finds its first values.
struct TextCache {
    /// By text and layer.
    private(set) var tensors: [String: FrozenTensor] = [:]

    /// The name under which a program reads what a `textCache` node with these ids stands for.
    static func name(_ node: Node, ids: [Int32]) -> String {
        let integers = node.attributes.integers
        return name(ids, layer: integers[0], isValues: integers[1] == 1)
    }

    private static func name(_ ids: [Int32], layer: Int, isValues: Bool) -> String {
        "text cache, layer \(layer), \(isValues ? "values" : "keys"): \(ids.map { "\($0)" }.joined(separator: ","))"
    }

    /// The ids that a `textCache` node is about: a constant, so that they are known before anything runs.
    static func ids(_ operand: Value, in graph: Graph) -> [Int32]? {
        let node = graph.node(operand)
        return node.op == .constant ? node.attributes.scalars.map { Int32($0) } : nil
    }

    /// Runs the frozen model over every text that the graph asks for.
    ///
    /// - Parameter compile: makes a program of the frozen model ready to run.
    /// - Throws: `EngineError` for ids outside the vocabulary, or a layer or sizes that the model does not have.
    mutating func prepare(
        for graph: Graph, _ configuration: LlamaConfiguration, pool: WorkerPool,
        compile: (Graph, Sizes, StepBuffers) throws -> Executable
    ) throws {
        for node in graph.nodes where node.op == .textCache {
            guard let ids = TextCache.ids(node.inputs[0], in: graph), !ids.isEmpty else {
                throw EngineError("a text's cache is asked for ids that are not known before the run")
            }
            guard ids.allSatisfy({ (0..<Int32(configuration.vocabulary)).contains($0) }) else {
                throw EngineError("a text's cache is asked for ids outside the vocabulary")
            }
            let integers = node.attributes.integers
            guard integers[0] < configuration.layers,
                Array(integers[2...]) == [configuration.keyHeads, configuration.headSize]
            else { throw EngineError("a text's cache is asked for a layer that the model does not have") }
            guard tensors[TextCache.name(node, ids: ids)] == nil else { continue }
            let g = GraphBuilder()
            let cache = Llama(configuration, in: g).hidden().cache
            let sizes = Sizes(tokens: ids.count, rows: 1, targets: 0)
            let inputs = StepBuffers(capacity: sizes)
            let executable = try compile(try g.finish(cache.flatMap { [$0.keys, $0.values] }), sizes, inputs)
            inputs.load(Batch(rows: [ids], targetIndex: [], targetLabels: [], targetWeights: []))
            executable.run(RunContext(sizes: sizes), on: pool)
            let shape = [ids.count, configuration.keyHeads, configuration.headSize]
            for layer in cache.indices {
                for part in 0..<2 {
                    let name = TextCache.name(ids, layer: layer, isValues: part == 1)
                    tensors[name] = FrozenTensor(executable.array(2 * layer + part, sizes), shape: shape)
                }
            }
        }
    }
}
