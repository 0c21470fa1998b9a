import Engine
import Programs
import Testing

@Suite struct StepBuffersTests {
    /// Virtual tokens have positions of their own, belong to the prompt, and their ids are 0.
    @Test func virtualTokens() {
        let v = Batch.virtualToken
        let batch = Batch(
            rows: [[v, v, 5, 6], [v, v, 7]], targetIndex: [1], targetLabels: [5], targetWeights: [1],
            isCompletion: [[false, false, true, true], [false, false, false]])
        let inputs = StepBuffers(capacity: batch.sizes, firstPosition: 3)
        inputs.load(batch)
        func integers(_ input: StepInput) -> [Int32] { (0..<7).map { inputs[input].ints[$0] } }
        #expect(integers(.tokenIDs) == [0, 0, 5, 6, 0, 0, 7])
        #expect(integers(.positions) == [3, 4, 5, 6, 3, 4, 5])
        #expect(integers(.rowOfToken) == [0, 0, 0, 0, 1, 1, 1])
        #expect((0..<7).map { inputs[.isPrompt].floats[$0] } == [1, 1, 0, 0, 1, 1, 1])
        #expect((0..<3).map { inputs.rowStart.ints[$0] } == [0, 4, 7])
    }

    /// What all rows begin with becomes a row in front, from which the others go on.
    @Test func sharedPrefix() {
        let batch = Batch(
            rows: [[1, 2, 3, 4, 5, 6], [1, 2, 3, 4], [1, 2, 3, 4, 9]], targetIndex: [5, 9, 11, 14],
            targetLabels: [0, 1, 2, 3], targetWeights: [1, 1, 1, 1],
            isCompletion: [
                [false, false, false, true, true, true], [false, false, false, true],
                [false, false, false, true, true],
            ])
        let shared = batch.sharingPrefix()
        #expect(shared.sharedTokens == 4 && shared.rows == [[1, 2, 3, 4], [5, 6], [], [9]])
        #expect(shared.isCompletion == [[false, false, false, true], [true, true], [], [true]])
        // The last token of the second row is the shared one, and so is the third row's second.
        #expect(shared.targetIndex == [5, 3, 1, 6] && shared.targetLabels == batch.targetLabels)
        let inputs = StepBuffers(capacity: shared.sizes, firstPosition: 3)
        inputs.load(shared)
        #expect((0..<7).map { inputs[.positions].ints[$0] } == [3, 4, 5, 6, 7, 8, 7])
        #expect((0..<5).map { inputs.rowStart.ints[$0] } == [0, 4, 6, 6, 7])
    }

    @Test func littleIsNotShared() {
        func batch(_ rows: [[Int32]], _ isCompletion: [[Bool]] = []) -> Batch {
            Batch(rows: rows, targetIndex: [], targetLabels: [], targetWeights: [], isCompletion: isCompletion)
        }
        let long: [Int32] = [1, 2, 3, 4, 5, 6, 7, 8, 9]
        #expect(batch([long]).sharingPrefix().sharedTokens == 0)
        #expect(batch([long, [1, 2, 3, 4, 5, 6, 7, 0]]).sharingPrefix().sharedTokens == 0)
        #expect(batch([long, long]).sharingPrefix().sharedTokens == 9)
        // The same tokens, but a completion in one row and a prompt in the other.
        let flags = [long.map { _ in false }, long.map { $0 > 5 }]
        #expect(batch([long, long], flags).sharingPrefix().sharedTokens == 0)
    }
}
