import Engine
import Programs

/// Runs a model forward over batches of any size; memory is planned anew only when a batch is larger than any before, and
/// than the capacity that was announced.
package final class Inference {
    package let model: AdaptedModel
    private let pool: WorkerPool
    private let keepsHidden: Bool
    private let folder: String?
    private var capacity: Sizes
    private var prepared: BatchProgram?

    /// - Parameters:
    ///   - capacity: the largest batch that is expected.
    ///   - keepsHidden: whether results hold the hidden states too.
    ///   - folder: where to keep what no trainable tensor reaches of rows that come back; nil where they do not.
    package init(
        _ model: AdaptedModel, capacity: Sizes = Sizes(tokens: 0, rows: 0, targets: 0), keepsHidden: Bool = false,
        keepingIn folder: String? = nil, pool: WorkerPool
    ) {
        self.model = model
        self.capacity = capacity
        self.keepsHidden = keepsHidden
        self.folder = folder
        self.pool = pool
    }

    package struct Result {
        package var sizes: Sizes
        /// (M, width), row-major.
        package var logits: [Float]
        package var width: Int
        /// (N, hidden), or nothing.
        package var firstBlock: [Float]
        package var lastHidden: [Float]

        /// The logits of one target.
        package func logits(_ target: Int) -> ArraySlice<Float> { logits[target * width..<(target + 1) * width] }
    }

    package func run(_ batch: Batch) throws -> Result {
        let sizes = batch.sizes
        let program = try prepare(for: sizes)
        program.run(batch, on: pool)
        return Result(
            sizes: sizes, logits: program.array(0, sizes), width: program.type(0).shape[1].code,
            firstBlock: keepsHidden ? program.array(1, sizes) : [],
            lastHidden: keepsHidden ? program.array(2, sizes) : [])
    }

    /// Gives back the memory of its program until the next run.
    package func release() { prepared?.release() }

    /// The graph of a forward pass: logits, and with `keepsHidden` the hidden states behind the first block and at the end.
    package static func graph(of model: AdaptedProgram, keepsHidden: Bool = false) throws -> Graph {
        let g = GraphBuilder()
        let outputs = model.build(in: g)
        let hidden = keepsHidden ? [outputs.hidden.firstBlock, outputs.hidden.last] : []
        return try g.finish([outputs.logits] + hidden).gatheringEarly()
    }

    private func prepare(for sizes: Sizes) throws -> BatchProgram {
        if let prepared, capacity.holds(sizes) { return prepared }
        capacity = capacity.union(sizes)
        let graph = try Inference.graph(of: model.program, keepsHidden: keepsHidden)
        let program = try BatchProgram(graph, of: model, capacity: capacity.withSharedRow, keepingIn: folder)
        prepared = program
        return program
    }
}

extension Sizes {
    package func holds(_ other: Sizes) -> Bool {
        other.tokens <= tokens && other.rows <= rows && other.targets <= targets
    }

    /// With room for a row that the others go on from.
    package var withSharedRow: Sizes { Sizes(tokens: tokens, rows: rows + 1, targets: targets) }

    package func union(_ other: Sizes) -> Sizes {
        Sizes(
            tokens: Swift.max(tokens, other.tokens), rows: Swift.max(rows, other.rows),
            targets: Swift.max(targets, other.targets))
    }
}
