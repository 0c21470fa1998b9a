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
}
