import Engine
import Models
import Programs

/// The program of one micro-batch: forward, loss, and the gradients of what trains. Memory is planned once, for the
/// largest batch that was announced.
package final class GradientProgram {
    private let model: AdaptedModel
    private let pool: WorkerPool
    private let program: BatchProgram
    /// The number in the store of each gradient output.
    private let numbers: [Int]
    /// Trained tensors that the loss does not depend on (a regularizer may).
    private let untouched: [TensorStore.Entry]

    /// Elements of a gradient that one thread takes at a time.
    private static let piece = 1 << 17

    /// - Parameters:
    ///   - capacity: the largest batch that it will be run for.
    ///   - recomputed: of how many stretches the activations are computed twice instead of kept.
    ///   - folder: where to keep what no trainable tensor reaches of rows that come back; nil where they do not.
    package init(
        _ model: AdaptedModel, capacity: Sizes, recomputed: Int = 0, keepingIn folder: String? = nil, pool: WorkerPool
    ) throws {
        self.model = model
        self.pool = pool
        let (graph, numbers, forward) = try GradientProgram.graph(of: model.program)
        self.numbers = numbers
        untouched = model.tensors.entries.enumerated()
            .filter { $1.declaration.isTrained && !numbers.contains($0) }.map(\.element)
        program = try BatchProgram(
            graph, of: model, capacity: capacity.withSharedRow,
            recomputing: graph.recomputation(recomputed, forward: forward),
            keepingIn: folder)
    }

    /// Gives back the memory of its program until the next run.
    package func release() { program.release() }

    /// The graph with the loss (a weighted sum over the targets) and the gradients as its outputs; `numbers` are those of
    /// the gradients' tensors, and the first `forward` nodes make the loss.
    package static func graph(
        of model: AdaptedProgram
    ) throws -> (graph: Graph, numbers: [Int], forward: Int) {
        let g = GraphBuilder()
        let logits = g.inline(try Inference.graph(of: model)) { _, _ in nil }[0]
        let losses = g.crossEntropy(logits, labels: g.input(.targetLabels))
        let loss = g.reduce(.sum, g.mul(losses, g.input(.targetWeights)))
        let trained = model.declarations.indices.filter { model.declarations[$0].declaration.isTrained }
        let forward = g.graph.nodes.count
        let gradients = g.gradients(of: loss, by: trained.map { model.parameter($0, in: g) })
        let present = zip(trained, gradients).compactMap { number, gradient in gradient.map { (number, $0) } }
        return (try g.finish([loss] + present.map(\.1)), present.map(\.0), forward)
    }

    /// Runs a micro-batch.
    ///
    /// - Parameter accumulates: adds to the gradients in the store instead of replacing them.
    /// - Returns: its share of the loss.
    package func run(_ batch: Batch, step: Int, microBatch: Int, accumulates: Bool) -> Double {
        program.run(batch, isTraining: true, step: step, microBatch: microBatch, on: pool)
        let store = model.tensors
        for entry in untouched where !accumulates {
            (store.gradients.floats + entry.offset).update(repeating: 0, count: entry.count)
        }
        for (output, number) in numbers.enumerated() {
            let entry = store.entries[number]
            let (from, to) = (program.floats(output + 1), store.gradients.floats + entry.offset)
            pool.run(over: entry.count, inPiecesOf: GradientProgram.piece) { range in
                if accumulates {
                    for index in range { to[index] += from[index] }
                } else {
                    (to + range.lowerBound).update(from: from + range.lowerBound, count: range.count)
                }
            }
        }
        return Double(program.floats(0)[0])
    }
}
