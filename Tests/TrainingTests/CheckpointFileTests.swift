import Engine
import Formats
import Foundation
import Testing
import Training

@Suite struct CheckpointFileTests {
    private let scratch: Scratch
    private let checkpoint: Checkpoint
    private let identity: JSON = ["base": "b", "options": ["epochs": 3, "learning_rate": 0.5]]

    /// Four steps an epoch, three epochs.
    private let plan: BatchPlan = {
        var options = TrainingOptions()
        (options.epochs, options.batchSize) = (3, 2)
        return BatchPlan((0..<8).map { Example(tokens: [$0], label: 0) }, options, labels: 2)
    }()

    init() throws {
        scratch = try Scratch()
        checkpoint = Checkpoint(output: scratch.path)
    }

    private func filled(_ factor: Float) -> TensorStore {
        let tensors = store([3, 4, 2]) { number, declaration in declaration.isBuffer = number == 2 }
        for (offset, buffer) in [tensors.values, tensors.firstMoment, tensors.secondMoment].enumerated() {
            for place in 0..<buffer.count { buffer.floats[place] = factor * Float(place + 100 * offset) + 0.1 }
        }
        return tensors
    }

    private var position: Checkpoint.Position {
        var position = Checkpoint.Position()
        (position.step, position.epoch, position.stepInEpoch) = (7, 1, 3)
        position.lossSum = 0.1 + 0.2
        position.bestLoss = 1.0 / 3
        position.reports = [["epoch": 1]]
        return position
    }

    @Test func comesBackToTheBit() throws {
        #expect(!checkpoint.exists)
        let before = filled(1.5)
        try checkpoint.write(position, before, identity: identity)
        let after = filled(0)
        #expect(try checkpoint.read(into: after, identity: identity, plan: plan) == position)
        #expect(after.values.floatArray == before.values.floatArray)
        #expect(after.firstMoment.floatArray == before.firstMoment.floatArray)
        #expect(after.secondMoment.floatArray == before.secondMoment.floatArray)
    }

    @Test func keepsTheLastOnly() throws {
        try checkpoint.write(Checkpoint.Position(), filled(1), identity: identity)
        try checkpoint.write(position, filled(2), identity: identity)
        let names = try FileManager.default.contentsOfDirectory(atPath: scratch.path + "/checkpoints")
        #expect(names.sorted() == ["latest.json", "step-7.safetensors"])
    }

    @Test(
        arguments: [
            (["base": "c", "options": ["epochs": 3, "learning_rate": 0.5]], "base was \"b\" and is \"c\""),
            (["base": "b", "options": ["epochs": 4, "learning_rate": 0.5]], "options.epochs was 3 and is 4"),
            (["base": "b", "options": ["epochs": 3]], "options.learning_rate was 0.5 and is null"),
            (
                ["base": "b", "options": ["epochs": 3, "learning_rate": 0.5], "program": "x"],
                "program was null and is \"x\""
            ),
        ] as [(JSON, String)])
    func refusesAnotherRun(_ other: JSON, _ words: String) throws {
        try checkpoint.write(position, filled(1), identity: identity)
        let tensors = filled(0)
        let message = try trainingError { _ = try checkpoint.read(into: tensors, identity: other, plan: plan) }
        #expect(message.contains(words))
        #expect(tensors.values.floatArray == filled(0).values.floatArray)
    }

    @Test func refusesOtherSizes() throws {
        try checkpoint.write(position, filled(1), identity: identity)
        #expect(throws: (any Error).self) { try checkpoint.read(into: store([3, 4]), identity: identity, plan: plan) }
    }
}
