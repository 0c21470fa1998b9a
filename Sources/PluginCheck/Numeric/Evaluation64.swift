import Engine
import Models
import Programs

/// Runs a model's graphs in float64 on one batch.
package struct Evaluation64 {
    private let model: AdaptedModel
    private let batch: Batch
    private let context: EvaluationContext
    /// By the number in the store.
    package var parameters: [Tensor64]
    /// What stands for the values that a gradient does not see, by the number of the argument.
    var constants: [Tensor64] = []
    private let frozen = Frozen()

    /// Tensors of the base that were read already.
    private final class Frozen {
        var tensors: [String: Tensor64] = [:]
    }

    package init(_ model: AdaptedModel, _ batch: Batch, isTraining: Bool = true) throws {
        self.model = model
        self.batch = batch
        parameters = model.tensors.entries.indices.map {
            Tensor64(model.tensors.entries[$0].shape, model.tensors[$0].map(Double.init))
        }
        context = EvaluationContext(
            rowOffsets: batch.rows.reduce(into: [0]) { $0.append($0.last! + $1.count) },
            targets: batch.targetIndex.count,
            positions: batch.rows.flatMap { $0.indices.map { model.prefix.keys + $0 } }, isTraining: isTraining,
            random: { node, element in
                // Fixed by what the engine would key the draw with.
                let key = "\(node.attributes.text) \(node.attributes.integers) \(element)"
                var numbers = RandomNumbers(
                    seed: key.utf8.reduce(14_695_981_039_346_656_037) { ($0 ^ UInt64($1)) &* 1_099_511_628_211 })
                return Double.random(in: 0..<1, using: &numbers)
            })
    }

    package func run(_ graph: Graph) throws -> [Tensor64] {
        func tensor(_ shape: [Int], _ values: some Sequence<Int32>) -> Tensor64 {
            Tensor64(shape, values.map(Double.init))
        }
        for node in graph.nodes where node.op == .frozen && frozen.tensors[node.attributes.text] == nil {
            let shape = node.type.shape.map(\.code)
            let values = try model.model.tensor(node.attributes.text, shape: shape).values()
            frozen.tensors[node.attributes.text] = Tensor64(shape, values.map(Double.init))
        }
        return try Evaluator.run(graph, context) { node throws(ProgramError) in
            switch node.op {
            case .parameter: return parameters[node.attributes.integers[0]]
            case .frozen: return frozen.tensors[node.attributes.text]!
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
            case .isPrompt: return Tensor64([tokens.count], batch.promptFlags)
            case .targetIndex: return tensor([batch.targetIndex.count], batch.targetIndex)
            case .targetLabels: return tensor([batch.targetLabels.count], batch.targetLabels)
            case .targetWeights: return Tensor64([batch.targetWeights.count], batch.targetWeights.map(Double.init))
            default: throw ProgramError("no value for \(node.op.name) \(node.attributes.integers)")
            }
        }
    }
}

extension Batch {
    /// (N): 1 for the tokens of a prompt.
    fileprivate var promptFlags: [Double] {
        rows.indices.flatMap { row in
            rows[row].indices.map { isCompletion.isEmpty || !isCompletion[row][$0] ? 1 : 0 }
        }
    }
}
