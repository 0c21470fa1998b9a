import Engine
import Models
import Programs
import Testing
import Training

/// The gradient of every element of every parameter, in float64 against central differences of the loss, and in float32 as
/// the engine computes it against float64.
struct GradientTests {
    private static let rows: [[Int32]] = [[1, 4, 2, 7], [3, 5, 9]]

    private func batch(_ model: AdaptedModel) -> Batch {
        let rows = Self.rows.map { model.prefix.before($0) }
        var batch =
            model.task == .causalLM
            ? Batch(predicting: rows, isTarget: rows.map { $0.map { $0 >= 0 } }, weight: 0.2)
            : Batch(classifying: rows, labels: [2, 0], weights: [0.5, 0.5])
        batch.rowInputs = model.rowInputs(for: Self.rows)
        return batch
    }

    @Test(arguments: MethodCase.all) func gradients(_ item: MethodCase) throws {
        let model = try item.trainedModel()
        let batch = batch(model)
        let (graph, numbers) = try GradientProgram.graph(of: model.program)
        let entries = model.tensors.entries
        #expect(numbers == entries.indices.filter { entries[$0].declaration.isTrained })
        let evaluation = try Evaluation64(model, batch)
        let exact = Array(try evaluation.run(graph).dropFirst())
        let differences = try Differences(graph, evaluation)
        for (number, gradient) in zip(numbers, exact) {
            let numeric = try differences.gradient(number)
            let scale = numeric.reduce(1e-3) { max($0, abs($1)) }
            let worst = zip(gradient.values, numeric).reduce(0) { max($0, abs($1.0 - $1.1)) }
            #expect(worst <= 1e-6 * scale, "\(entries[number].name) is off by \(worst) of \(scale)")
            // A layer that was pruned away has no elements.
            #expect(numeric.isEmpty || numeric.contains { abs($0) > 1e-9 }, "\(entries[number].name) has no effect")
        }
        // The engine draws other random numbers.
        guard !graph.nodes.contains(where: { $0.op.isRandom }) else { return }
        let program = try GradientProgram(model, capacity: batch.sizes, pool: WorkerPool(threads: 1))
        _ = program.run(batch, step: 0, microBatch: 0, accumulates: false)
        for (number, gradient) in zip(numbers, exact) {
            let scale = gradient.values.reduce(1e-3) { max($0, abs($1)) }
            let found = (0..<entries[number].count).map {
                Double(model.tensors.gradients.floats[entries[number].offset + $0])
            }
            let worst = zip(gradient.values, found).reduce(0) { max($0, abs($1.0 - $1.1)) }
            #expect(worst <= 1e-4 * scale, "\(entries[number].name), float32, is off by \(worst) of \(scale)")
        }
    }
}

/// Runs a model's graphs in float64.
struct Evaluation64 {
    let model: AdaptedModel
    let batch: Batch
    let context: EvaluationContext
    /// By the number in the store.
    var parameters: [Tensor64]
    /// What stands for the values that a gradient does not see, by the number of the argument.
    var constants: [Tensor64] = []

    init(_ model: AdaptedModel, _ batch: Batch) throws {
        self.model = model
        self.batch = batch
        parameters = model.tensors.entries.indices.map {
            Tensor64(model.tensors.entries[$0].shape, model.tensors[$0].map(Double.init))
        }
        context = EvaluationContext(
            rowOffsets: batch.rows.reduce(into: [0]) { $0.append($0.last! + $1.count) },
            targets: batch.targetIndex.count,
            positions: batch.rows.flatMap { $0.indices.map { model.prefix.keys + $0 } },
            random: { node, element in
                // Fixed by what the engine would key the draw with.
                let key = "\(node.attributes.text) \(node.attributes.integers) \(element)"
                var numbers = Numbers(
                    seed: key.utf8.reduce(14_695_981_039_346_656_037) { ($0 ^ UInt64($1)) &* 1_099_511_628_211 })
                return (numbers.next() + 1) / 2
            })
    }

    func run(_ graph: Graph) throws -> [Tensor64] {
        func tensor(_ shape: [Int], _ values: some Sequence<Int32>) -> Tensor64 {
            Tensor64(shape, values.map(Double.init))
        }
        var frozen: [String: Tensor64] = [:]
        for node in graph.nodes where node.op == .frozen && frozen[node.attributes.text] == nil {
            let shape = node.type.shape.map(\.code)
            let values = try model.model.tensor(node.attributes.text, shape: shape).values()
            frozen[node.attributes.text] = Tensor64(shape, values.map(Double.init))
        }
        return try Evaluator.run(graph, context) { node throws(ProgramError) in
            switch node.op {
            case .parameter: return parameters[node.attributes.integers[0]]
            case .frozen: return frozen[node.attributes.text]!
            case .argument: return constants[node.attributes.integers[0]]
            case .rowInput:
                let rows = batch.rowInputs[node.attributes.text] ?? []
                return Tensor64(
                    [rows.count] + node.type.shape.dropFirst().map(\.code),
                    rows.flatMap { $0.values().map(Double.init) })
            default: break
            }
            let tokens = batch.rows.flatMap { $0 }
            switch StepInput(rawValue: node.attributes.integers[0]) {
            case .tokenIDs: return tensor([tokens.count], tokens.map { max($0, 0) })
            case .targetIndex: return tensor([batch.targetIndex.count], batch.targetIndex)
            case .targetLabels: return tensor([batch.targetLabels.count], batch.targetLabels)
            case .targetWeights: return Tensor64([batch.targetWeights.count], batch.targetWeights.map(Double.init))
            default: throw ProgramError("no value for \(node.op.name) \(node.attributes.integers)")
            }
        }
    }
}

/// Central differences of a graph's first output, where what stands behind a stop-gradient stays as it is.
struct Differences {
    private let graph: Graph
    private let evaluation: Evaluation64

    init(_ graph: Graph, _ evaluation: Evaluation64) throws {
        var (graph, evaluation) = (graph, evaluation)
        let stops = graph.nodes.indices.filter { graph.nodes[$0].op == .stopGradient }
        evaluation.constants = try evaluation.run(Graph(nodes: graph.nodes, outputs: stops.map { Value($0) }))
        for (number, index) in stops.enumerated() {
            graph.nodes[index] = Node(
                .argument, [], Attributes(integers: [number]), results: graph.nodes[index].results)
        }
        graph.outputs = [graph.outputs[0]]
        self.graph = graph
        self.evaluation = evaluation
    }

    /// By every element of a parameter.
    func gradient(_ number: Int) throws -> [Double] {
        let step = 0x1p-17
        return try evaluation.parameters[number].values.indices.map { element in
            func loss(_ step: Double) throws -> Double {
                var moved = evaluation
                moved.parameters[number].values[element] += step
                return try moved.run(graph)[0].values[0]
            }
            return (try loss(step) - loss(-step)) / (2 * step)
        }
    }
}
