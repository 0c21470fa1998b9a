import Engine
import Programs

/// A graph over batches of an adapted model, ready to run: the one way in which batches are computed, in training and in
/// inference.
package final class BatchProgram {
    package let capacity: Sizes
    private let inputs: StepBuffers
    private let executable: Executable
    private let rowPart: RowPart?
    private let graph: Graph
    private let model: Model
    /// Whether what all rows begin with is computed once.
    private let sharesPrefix: Bool
    /// Frozen tensors of which a batch reads some rows only.
    private let tables: [String]

    /// - Parameters:
    ///   - capacity: the largest batch that it will be run for, as it is computed (``sharesPrefix(_:keepsRows:)``).
    ///   - recomputing: what is computed twice instead of kept; nothing is kept of rows then, either.
    ///   - folder: rows come back, and what no trainable tensor reaches may be kept of them in this folder; nil where they
    ///     do not.
    /// - Throws: `EngineError` where the graph cannot be run.
    package init(
        _ graph: Graph, of model: AdaptedModel, capacity: Sizes, recomputing: Recomputation? = nil,
        keepingIn folder: String? = nil
    ) throws {
        self.graph = graph
        self.capacity = capacity
        self.model = model.model
        tables = graph.tables
        inputs = StepBuffers(capacity: capacity, firstPosition: model.prefix.keys)
        let split = recomputing == nil ? folder.map { _ in RowSplit(graph) } : nil
        rowPart = try split.flatMap { try RowPart($0, of: model, capacity: capacity, folder: folder!) }
        sharesPrefix = BatchProgram.sharesPrefix(graph, keepsRows: folder != nil && recomputing == nil)
        let kept = rowPart?.values ?? []
        executable = try model.compile(
            rowPart == nil ? graph : split!.rest, capacity: capacity, recomputing: recomputing, inputs: inputs,
            arguments: kept.map { $0.raw })
    }

    /// Whether what all rows of a batch begin with is computed once: not where the row itself is kept.
    package static func sharesPrefix(_ graph: Graph, keepsRows: Bool) -> Bool {
        graph.sharesPrefixes && !(keepsRows && RowSplit(graph).saved >= RowPart.leastSaved)
    }

    /// Elements of 4 bytes that it computes in.
    ///
    /// - Parameter keepsRows: whether it has a folder for what it keeps of rows.
    package static func arenaCount(
        _ graph: Graph, capacity: Sizes, recomputing: Recomputation? = nil, keepsRows: Bool
    ) -> Int {
        let split = keepsRows && recomputing == nil ? RowSplit(graph) : nil
        guard let split, split.saved >= RowPart.leastSaved else {
            return Executable.arenaCount(graph, capacity: capacity, recomputing: recomputing)
        }
        return Executable.arenaCount(split.rest, capacity: capacity) + RowPart.arenaCount(split, capacity: capacity)
    }

    /// - Parameters:
    ///   - step: the optimizer step, and `microBatch` the batch inside it: they key the random streams.
    package func run(
        _ batch: Batch, isTraining: Bool = false, step: Int = 0, microBatch: Int = 0, on pool: WorkerPool
    ) {
        rowPart?.load(batch, on: pool)
        let batch = sharesPrefix ? batch.sharingPrefix() : batch
        inputs.load(batch)
        let context = RunContext(sizes: batch.sizes, isTraining: isTraining, step: step, microBatch: microBatch)
        context.sharedTokens = batch.sharedTokens
        executable.run(context, on: pool)
        // Else the pages of every token ever seen would stay, each with its neighbours.
        for table in tables { model.releaseOriginal(table) }
    }

    /// Gives back its memory until the next run.
    package func release() {
        executable.release()
        rowPart?.release()
    }

    /// The elements of an output after a run, valid until the next.
    package func floats(_ output: Int) -> UnsafeMutablePointer<Float> { executable.floats(output) }

    /// A copy of an output after a run with these sizes.
    package func array(_ output: Int, _ sizes: Sizes) -> [Float] { executable.array(output, sizes) }

    package func type(_ output: Int) -> TensorType { graph.type(graph.outputs[output]) }
}

extension Graph {
    /// The frozen tensors of which only rows are gathered.
    fileprivate var tables: [String] {
        var isTable = nodes.map { $0.op == .frozen }
        for node in nodes {
            for (number, input) in node.inputs.enumerated() where node.op != .gather || number != 0 {
                isTable[input.node] = false
            }
        }
        return nodes.indices.filter { isTable[$0] }.map { nodes[$0].attributes.text }
    }
}
