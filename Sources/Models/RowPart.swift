import Engine
import Programs

/// The part of a program that no trainable tensor reaches, run once for every row: what it computes is kept, and given to
/// the rest of the program when the row comes back.
final class RowPart {
    /// A part that saves less of a step is not worth its disk.
    static let leastSaved = 0.1

    private let split: RowSplit
    private let executable: Executable
    private let inputs: StepBuffers
    private let store: ActivationStore
    /// The kept values of a batch (N, …), each: what the rest of the program reads.
    let values: [Buffer]
    /// The kept values of one row, one after the other.
    private var row: Buffer

    /// - Parameter folder: where what is kept may lie.
    /// - Returns: nil where there is little to be saved, or no room for it.
    init?(_ split: RowSplit, of model: AdaptedModel, capacity: Sizes, folder: String) throws {
        guard split.saved >= RowPart.leastSaved, let store = ActivationStore(in: folder, width: split.width) else {
            return nil
        }
        self.split = split
        self.store = store
        inputs = StepBuffers(capacity: capacity, firstPosition: model.prefix.keys)
        executable = try model.compile(split.rows, capacity: capacity, inputs: inputs)
        values = split.kept.map { Buffer(count: capacity.count($0)) }
        row = Buffer(count: capacity.tokens * split.width)
    }

    /// Elements of 4 bytes that the part takes, with the values of a batch and of a row.
    static func arenaCount(_ split: RowSplit, capacity: Sizes) -> Int {
        Executable.arenaCount(split.rows, capacity: capacity) + 2 * capacity.tokens * split.width
    }

    func release() { executable.release() }

    /// Brings the kept values of a batch into ``values``: computed for rows that are not known, read for all others.
    func load(_ batch: Batch, on pool: WorkerPool) {
        var unknown: [(row: ActivationStore.Row, token: Int)] = []
        var token = 0
        for (number, tokens) in batch.rows.enumerated() {
            let row = ActivationStore.Row(
                tokens: tokens, isCompletion: batch.isCompletion.isEmpty ? [] : batch.isCompletion[number])
            if store.read(row, into: bytes(tokens.count)) {
                copy(tokens.count, to: token)
            } else {
                unknown.append((row, token))
            }
            token += tokens.count
        }
        if !unknown.isEmpty { compute(unknown, on: pool) }
    }

    private func compute(_ rows: [(row: ActivationStore.Row, token: Int)], on pool: WorkerPool) {
        let isCompletion = rows.map(\.row.isCompletion)
        let batch = Batch(
            rows: rows.map(\.row.tokens), targetIndex: [], targetLabels: [], targetWeights: [],
            isCompletion: isCompletion.contains([]) ? [] : isCompletion)
        inputs.load(batch)
        executable.run(RunContext(sizes: batch.sizes), on: pool)
        var token = 0
        for (row, place) in rows {
            let count = row.tokens.count
            var offset = 0
            for (number, type) in split.kept.enumerated() {
                let width = type.fixedCount
                (self.row.floats + offset).update(
                    from: executable.floats(number) + token * width, count: count * width)
                offset += count * width
            }
            store.keep(row, bytes(count))
            copy(count, to: place)
            token += count
        }
    }

    private func bytes(_ tokens: Int) -> UnsafeMutableRawBufferPointer {
        UnsafeMutableRawBufferPointer(start: row.raw, count: tokens * split.width * 4)
    }

    /// The values of one row to where its first token is in a batch.
    private func copy(_ tokens: Int, to token: Int) {
        var offset = 0
        for (buffer, type) in zip(values, split.kept) {
            let width = type.fixedCount
            (buffer.floats + token * width).update(from: row.floats + offset, count: tokens * width)
            offset += tokens * width
        }
    }
}
