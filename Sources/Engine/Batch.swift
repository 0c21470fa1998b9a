import Programs

/// A batch of rows, packed without padding: what a step feeds into a program.
package struct Batch {
    /// The token ids of each row; ``virtualToken`` where a method puts a token of its own.
    package var rows: [[Int32]]
    /// For each target: the token (counted over all rows) whose output predicts it.
    package var targetIndex: [Int32]
    package var targetLabels: [Int32]
    /// What each target counts in the loss.
    package var targetWeights: [Float]
    /// Which tokens of each row belong to the completion, not to the prompt; empty where none does.
    package var isCompletion: [[Bool]]
    /// By name, what the data give to each row, in the order of the rows; read when the batch is loaded.
    package var rowInputs: [String: [FrozenTensor]] = [:]

    /// The position of each row's first token, where an earlier run has read others before it or its method puts keys in
    /// front of it; empty: that of ``StepBuffers``.
    package var firstPositions: [Int] = []

    /// Stands for a virtual token in ``rows``.
    package static let virtualToken: Int32 = -1

    /// Tokens of the first row, where all other rows go on from it (``sharingPrefix()``); else 0.
    package private(set) var sharedTokens = 0

    package init(
        rows: [[Int32]], targetIndex: [Int32], targetLabels: [Int32], targetWeights: [Float],
        isCompletion: [[Bool]] = []
    ) {
        self.rows = rows
        self.isCompletion = isCompletion
        self.targetIndex = targetIndex
        self.targetLabels = targetLabels
        self.targetWeights = targetWeights
    }

    package var sizes: Sizes {
        Sizes(tokens: rows.reduce(0) { $0 + $1.count }, rows: rows.count, targets: targetIndex.count)
    }

    /// Fewer tokens than this are not worth a row of their own.
    private static let leastSaved = 8

    /// The batch with what all its rows begin with, a prompt or virtual tokens, as a row of its own in front, so that it is
    /// computed once. The same batch where that saves little.
    package func sharingPrefix() -> Batch {
        guard rows.count > 1, sharedTokens == 0, rowInputs.isEmpty, firstPositions.isEmpty else { return self }
        var shared = rows.map(\.count).min()!
        for row in rows.indices.dropFirst() {
            shared =
                (0..<shared).first { rows[row][$0] != rows[0][$0] || isCompletion(row, $0) != isCompletion(0, $0) }
                ?? shared
        }
        guard shared * (rows.count - 1) >= Batch.leastSaved else { return self }

        var batch = self
        batch.sharedTokens = shared
        batch.rows = [Array(rows[0].prefix(shared))] + rows.map { Array($0.dropFirst(shared)) }
        if !isCompletion.isEmpty {
            batch.isCompletion =
                [Array(isCompletion[0].prefix(shared))] + isCompletion.map { Array($0.dropFirst(shared)) }
        }
        // Where each token of the old rows is now.
        var place: [Int32] = []
        var next = Int32(shared)
        for row in rows {
            place += (0..<Int32(shared))
            place += next..<next + Int32(row.count - shared)
            next += Int32(row.count - shared)
        }
        batch.targetIndex = targetIndex.map { place[Int($0)] }
        return batch
    }

    private func isCompletion(_ row: Int, _ position: Int) -> Bool {
        !isCompletion.isEmpty && isCompletion[row][position]
    }
}

/// Where the step inputs of an executable live.
package final class StepBuffers {
    package let capacity: Sizes
    /// (R + 1): where each row begins among the tokens.
    package let rowStart: Buffer
    /// The position of each row's first token.
    private let firstPosition: Int
    private var inputs: [StepInput: Buffer] = [:]
    private var rowInputs: [String: Buffer] = [:]

    /// - Parameter firstPosition: how many positions keys alone take in front of every row.
    package init(capacity: Sizes, firstPosition: Int = 0) {
        self.capacity = capacity
        self.firstPosition = firstPosition
        rowStart = Buffer(count: capacity.rows + 1)
        for input in StepInput.allCases { inputs[input] = Buffer(count: capacity.count(input.type)) }
    }

    package subscript(input: StepInput) -> Buffer { inputs[input]! }

    /// Where the input of that name and type (R, …) lives.
    package func rowInput(_ name: String, _ type: TensorType) -> Buffer {
        if let buffer = rowInputs[name] { return buffer }
        let buffer = Buffer(count: capacity.count(type))
        rowInputs[name] = buffer
        return buffer
    }

    /// What a run is about, for programs that read it.
    func load(_ context: RunContext) {
        self[.training].floats[0] = context.isTraining ? 1 : 0
        self[.step].floats[0] = Float(context.step)
        self[.totalSteps].floats[0] = Float(context.totalSteps)
    }

    /// Lays out the batch: positions restart at every row. An input that a row does not have is 0.
    package func load(_ batch: Batch) {
        let (ids, positions, rowOf) = (self[.tokenIDs].ints, self[.positions].ints, self[.rowOfToken].ints)
        let isPrompt = self[.isPrompt].floats
        var token = 0
        for (row, tokens) in batch.rows.enumerated() {
            rowStart.ints[row] = Int32(token)
            let first =
                batch.firstPositions.isEmpty
                ? firstPosition + (row > 0 ? batch.sharedTokens : 0) : batch.firstPositions[row]
            for (position, id) in tokens.enumerated() {
                ids[token] = Swift.max(id, 0)
                positions[token] = Int32(first + position)
                isPrompt[token] = batch.isCompletion.isEmpty || !batch.isCompletion[row][position] ? 1 : 0
                rowOf[token] = Int32(row)
                token += 1
            }
        }
        rowStart.ints[batch.rows.count] = Int32(token)
        for index in batch.targetIndex.indices {
            self[.targetIndex].ints[index] = batch.targetIndex[index]
            self[.targetLabels].ints[index] = batch.targetLabels[index]
            self[.targetWeights].floats[index] = batch.targetWeights[index]
        }
        for (name, buffer) in rowInputs {
            let size = buffer.count / Swift.max(capacity.rows, 1)
            for row in batch.rows.indices {
                let values = batch.rowInputs[name].map { $0[row].values() } ?? []
                for index in 0..<size { buffer.floats[row * size + index] = index < values.count ? values[index] : 0 }
            }
        }
    }
}
