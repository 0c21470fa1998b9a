import Engine
import Programs

/// Runs a model forward over batches of any size; memory is planned anew only when a batch is larger than any before, and
/// than the capacity that was announced.
package final class Inference {
    package let model: AdaptedModel
    private let pool: WorkerPool
    private var capacity: Sizes
    private var prepared: (executable: Executable, inputs: StepBuffers)?

    /// - Parameter capacity: the largest batch that is expected.
    package init(
        _ model: AdaptedModel, capacity: Sizes = Sizes(tokens: 0, rows: 0, targets: 0), pool: WorkerPool
    ) {
        self.model = model
        self.capacity = capacity
        self.pool = pool
    }

    package struct Result {
        package var sizes: Sizes
        /// (M, width), row-major.
        package var logits: [Float]
        package var width: Int
        /// (N, hidden)
        package var firstBlock: [Float]
        package var lastHidden: [Float]

        /// The logits of one target.
        package func logits(_ target: Int) -> ArraySlice<Float> { logits[target * width..<(target + 1) * width] }
    }

    /// - Parameter keepsHidden: whether the hidden states are asked for too.
    package func run(_ batch: Batch, keepsHidden: Bool = false) throws -> Result {
        let sizes = batch.sizes
        let (executable, inputs) = try prepare(for: sizes)
        inputs.load(batch)
        executable.run(RunContext(sizes: sizes), on: pool)
        return Result(
            sizes: sizes, logits: executable.array(0, sizes),
            width: executable.graph.type(executable.graph.outputs[0]).shape[1].code,
            firstBlock: keepsHidden ? executable.array(1, sizes) : [],
            lastHidden: keepsHidden ? executable.array(2, sizes) : [])
    }

    private func prepare(for sizes: Sizes) throws -> (Executable, StepBuffers) {
        if let prepared, capacity.holds(sizes) { return prepared }
        capacity = capacity.union(sizes)
        let g = GraphBuilder()
        let outputs = model.program.build(in: g)
        let graph = try g.finish([outputs.logits, outputs.hidden.firstBlock, outputs.hidden.last])
        let inputs = StepBuffers(capacity: capacity, firstPosition: model.prefix.keys)
        prepared = (try model.compile(graph, capacity: capacity, inputs: inputs), inputs)
        return prepared!
    }
}

extension Sizes {
    package func holds(_ other: Sizes) -> Bool {
        other.tokens <= tokens && other.rows <= rows && other.targets <= targets
    }

    package func union(_ other: Sizes) -> Sizes {
        Sizes(
            tokens: Swift.max(tokens, other.tokens), rows: Swift.max(rows, other.rows),
            targets: Swift.max(targets, other.targets))
    }
}
