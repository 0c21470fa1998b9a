import Engine
import Programs

/// A graph over the whole method (regularizer, update, export, import), ready to run on the tensors of a model. Such graphs
/// number the method's tensors as ``AdaptedModel/tensors`` does.
package final class WholeGraph {
    private static let none = Sizes(tokens: 0, rows: 0, targets: 0)

    private let inputs = StepBuffers(capacity: none)
    private let executable: Executable

    /// - Parameter argument: where the graph's operand of that number lies; nil where there is none.
    package init(
        _ graph: Graph, of model: AdaptedModel, argument: (Int) -> UnsafeMutableRawPointer? = { _ in nil }
    ) throws {
        executable = try Executable(graph, capacity: WholeGraph.none, inputs: inputs, seed: model.seed) {
            node throws(EngineError) in
            let number = node.attributes.integers.first ?? -1
            switch node.op {
            case .parameter: return .memory(UnsafeMutableRawPointer(model.tensors.pointer(number)))
            case .argument:
                guard let memory = argument(number) else { throw EngineError("a graph has no operand \(number)") }
                return .memory(memory)
            default: throw EngineError("a \(node.op.name) leaf in a graph over the whole method")
            }
        }
    }

    /// - Parameter step: the optimizer step, counted from 0.
    package func run(step: Int = 0, totalSteps: Int = 0, isTraining: Bool = false, on pool: WorkerPool) {
        let context = RunContext(
            sizes: WholeGraph.none, isTraining: isTraining, step: step, totalSteps: totalSteps)
        executable.run(context, on: pool)
    }

    /// A copy of an output after a run; the bits of an i32 one are those of its numbers.
    package func values(_ output: Int) -> [Float] { executable.array(output, WholeGraph.none) }

    package func type(_ output: Int) -> TensorType { executable.graph.type(executable.graph.outputs[output]) }
}

extension AdaptedModel {
    /// A graph over the whole method as one of the host's; its random operators draw from the method's own stream.
    package func whole(_ number: Int, in g: GraphBuilder) -> [Value] {
        guard let method else { return [] }
        return g.inline(method.graphs[number], stream: "\(method.method)|") { _, _ in nil }
    }

    /// The graph of that number of the method, as one of the host's.
    package func whole(_ number: Int) throws -> Graph {
        let g = GraphBuilder()
        return try g.finish(whole(number, in: g))
    }

    /// Gives tensors the values that a graph has computed: all at once, whatever the graph read.
    package func assign(_ graph: WholeGraph, to targets: [Int]) {
        let values = targets.indices.map(graph.values)
        for (target, values) in zip(targets, values) { tensors[target] = values }
    }
}
