import Programs

/// A batch of rows, packed without padding: what a step feeds into a program.
package struct Batch {
    /// The token ids of each row.
    package var rows: [[Int32]]
    /// For each target: the token (counted over all rows) whose output predicts it.
    package var targetIndex: [Int32]
    package var targetLabels: [Int32]
    /// What each target counts in the loss.
    package var targetWeights: [Float]

    package init(rows: [[Int32]], targetIndex: [Int32], targetLabels: [Int32], targetWeights: [Float]) {
        self.rows = rows
        self.targetIndex = targetIndex
        self.targetLabels = targetLabels
        self.targetWeights = targetWeights
    }

    package var sizes: Sizes {
        Sizes(tokens: rows.reduce(0) { $0 + $1.count }, rows: rows.count, targets: targetIndex.count)
    }
}

/// Where the step inputs of an executable live.
package final class StepBuffers {
    package let capacity: Sizes
    /// (R + 1): where each row begins among the tokens.
    package let rowStart: Buffer
    private var inputs: [StepInput: Buffer] = [:]

    package init(capacity: Sizes) {
        self.capacity = capacity
        rowStart = Buffer(count: capacity.rows + 1)
        for input in StepInput.allCases { inputs[input] = Buffer(count: capacity.count(input.type)) }
    }

    package subscript(input: StepInput) -> Buffer { inputs[input]! }

    /// What a run is about, for programs that read it.
    func load(_ context: RunContext) {
        self[.training].floats[0] = context.isTraining ? 1 : 0
        self[.step].floats[0] = Float(context.step)
        self[.totalSteps].floats[0] = Float(context.totalSteps)
    }

    /// Lays out the batch: positions restart at every row.
    package func load(_ batch: Batch) {
        let (ids, positions, rowOf) = (self[.tokenIDs].ints, self[.positions].ints, self[.rowOfToken].ints)
        var token = 0
        for (row, tokens) in batch.rows.enumerated() {
            rowStart.ints[row] = Int32(token)
            for (position, id) in tokens.enumerated() {
                ids[token] = id
                positions[token] = Int32(position)
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
    }
}
