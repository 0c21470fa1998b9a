import Engine
import Programs

/// Goes on with one row of tokens. The keys and values of what it has read are kept, so that a token costs its own products
/// only; a method that reads a row otherwise than through attention is run over all tokens every time.
package final class Generator {
    /// Most tokens of one run: longer rows are read in parts.
    private static let part = 512

    private let model: AdaptedModel
    private let pool: WorkerPool
    private let executable: Executable
    private let inputs: StepBuffers
    /// nil where the method does not allow one.
    package let cache: KeyValueCache?
    /// What was read, virtual tokens included.
    private var row: [Int32] = []

    /// - Parameter context: most tokens that it will read, virtual ones not counted.
    package init(_ model: AdaptedModel, context: Int, pool: WorkerPool) throws {
        self.model = model
        self.pool = pool
        let graph = try Inference.graph(of: model.program)
        let tokens = context + model.prefix.tokens
        cache = graph.meetsInAttentionOnly ? KeyValueCache(capacity: tokens) : nil
        let capacity = Sizes(tokens: cache == nil ? tokens : Swift.min(tokens, Self.part), rows: 1, targets: 1)
        inputs = StepBuffers(capacity: capacity, firstPosition: model.prefix.keys)
        executable = try model.compile(graph, capacity: capacity, inputs: inputs, cache: cache)
    }

    /// How many tokens were read, virtual ones not counted.
    package var length: Int { Swift.max(row.count - model.prefix.tokens, 0) }

    /// Forgets all tokens but the first `count`.
    package func truncate(to count: Int) {
        guard count < length else { return }
        row.removeSubrange((count == 0 ? 0 : model.prefix.tokens + count)...)
        cache?.truncate(to: row.count)
    }

    /// Reads more tokens, at least one.
    ///
    /// - Returns: the logits (vocabulary) of the token behind them.
    package func read(_ ids: [Int32]) -> [Float] {
        row = row.isEmpty ? model.prefix.before(ids) : row + ids
        var begin = cache?.length ?? 0
        while begin < row.count {
            let end = Swift.min(begin + executable.capacity.tokens, row.count)
            // What comes behind a part is asked for after the last only.
            let targets = end == row.count ? [Int32(end - begin - 1)] : []
            let batch = Batch(
                rows: [Array(row[begin..<end])], targetIndex: targets, targetLabels: targets.map { _ in 0 },
                targetWeights: targets.map { _ in 0 })
            inputs.load(batch, behind: begin)
            executable.run(RunContext(sizes: batch.sizes), on: pool)
            begin = end
        }
        return executable.array(0, Sizes(tokens: 0, rows: 1, targets: 1))
    }
}
