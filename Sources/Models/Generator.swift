import Engine
import Programs

/// Goes on with rows of tokens, of one adapter or of several. The keys and values of what it has read are kept, so that a
/// token costs its own products only; methods that read a row otherwise than through attention are run over all of its
/// tokens every time.
package final class Generator {
    /// Most tokens of one run: more are read in parts.
    private static let part = 512

    private let model: MixedModel
    private let pool: WorkerPool
    private let forward: MixedModel.Forward
    private let executable: Executable
    private let inputs: StepBuffers
    /// nil where a method does not allow one.
    package let cache: KeyValueCache?
    /// What was read, virtual tokens included.
    private var rows: [MixedModel.Row]

    /// - Parameters:
    ///   - context: most tokens of a row that it will read, virtual ones not counted.
    ///   - rows: how many rows it reads beside each other.
    package init(_ model: MixedModel, context: Int, rows: Int = 1, pool: WorkerPool) throws {
        self.model = model
        self.pool = pool
        self.rows = Array(repeating: MixedModel.Row(member: 0, tokens: []), count: rows)
        forward = try model.forward()
        let tokens = context + (model.members.map(\.prefix.tokens).max() ?? 0)
        cache = forward.graph.meetsInAttentionOnly ? KeyValueCache(capacity: tokens, rows: rows) : nil
        let most = Swift.max(Swift.min(tokens * rows, Self.part), rows)
        let capacity = Sizes(tokens: cache == nil ? Swift.max(tokens, most) : most, rows: rows, targets: rows)
        inputs = StepBuffers(capacity: capacity)
        executable = try model.compile(forward.graph, capacity: capacity, inputs: inputs, cache: cache)
    }

    /// A generator of one row.
    package convenience init(_ model: AdaptedModel, context: Int, pool: WorkerPool) throws {
        try self.init(MixedModel(model), context: context, pool: pool)
    }

    /// How many tokens of a row were read, virtual ones not counted.
    package func length(of row: Int = 0) -> Int {
        Swift.max(rows[row].tokens.count - model.members[rows[row].member].prefix.tokens, 0)
    }

    /// Forgets all tokens of a row but the first `count`.
    package func truncate(_ row: Int = 0, to count: Int) {
        guard count < length(of: row) else { return }
        let virtual = model.members[rows[row].member].prefix.tokens
        rows[row].tokens.removeSubrange((count == 0 ? 0 : virtual + count)...)
        cache?.truncate(row, to: rows[row].tokens.count)
    }

    /// Forgets a row; what it reads next goes through that adapter.
    package func begin(_ row: Int, with member: Int) {
        rows[row] = MixedModel.Row(member: member, tokens: [])
        cache?.truncate(row, to: 0)
    }

    /// Reads more tokens of one row, at least one.
    ///
    /// - Returns: the logits (vocabulary) of the token behind them.
    package func read(_ ids: [Int32]) -> [Float] { read([(0, ids)])[0] }

    /// Reads more tokens of some rows, at least one each.
    ///
    /// - Returns: for each of them the logits (vocabulary) of the token behind.
    package func read(_ parts: [(row: Int, ids: [Int32])]) -> [[Float]] {
        for (row, ids) in parts {
            let isNew = rows[row].tokens.isEmpty
            rows[row].tokens += isNew ? model.members[rows[row].member].prefix.before(ids) : ids
        }
        var begins = parts.map { cache?.lengths[$0.row] ?? 0 }
        var logits = Array(repeating: [Float](), count: parts.count)
        while let batch = next(parts.map(\.row), begins) {
            cache?.running = batch.parts.map { parts[$0.index].row }
            inputs.load(batch.batch)
            executable.run(RunContext(sizes: batch.batch.sizes), on: pool)
            var target = 0
            for (index, end) in batch.parts {
                begins[index] = end
                let row = rows[parts[index].row]
                guard end == row.tokens.count else { continue }
                logits[index] = forward.values(target, member: row.member, in: executable)
                target += 1
            }
        }
        return logits
    }

    /// As much of what is not read yet as fits one run, or nil at the end.
    private func next(_ lines: [Int], _ begins: [Int]) -> (parts: [(index: Int, end: Int)], batch: Batch)? {
        var room = executable.capacity.tokens
        var parts: [(index: Int, end: Int)] = []
        var (taken, targets) = ([MixedModel.Row](), [Int32]())
        for (index, line) in lines.enumerated() {
            let (row, begin) = (rows[line], begins[index])
            // Without a cache, a row is read at once.
            let count = Swift.min(row.tokens.count - begin, room)
            guard count > 0, cache != nil || begin + count == row.tokens.count else { continue }
            room -= count
            let end = begin + count
            parts.append((index, end))
            taken.append(MixedModel.Row(member: row.member, tokens: Array(row.tokens[begin..<end])))
            // What comes behind a part is asked for after the last only.
            if end == row.tokens.count { targets.append(Int32(executable.capacity.tokens - room - 1)) }
        }
        guard !parts.isEmpty else { return nil }
        return (parts, model.batch(taken, begins: parts.map { begins[$0.index] }, targets: targets))
    }
}
