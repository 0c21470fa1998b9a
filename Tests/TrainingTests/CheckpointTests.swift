import Engine
import Formats
import Foundation
import Programs
import Testing
import Training

struct CheckpointTests {
    /// Three steps an epoch, two epochs.
    private static let plan: BatchPlan = {
        var options = TrainingOptions()
        (options.epochs, options.batchSize) = (2, 2)
        return BatchPlan((0..<6).map { Example(tokens: [$0], label: 0) }, options, labels: 2)
    }()

    private static func store() -> TensorStore {
        TensorStore([("t", TensorDeclaration("t", TensorType([4]), .zeros))])
    }

    private static func position(step: Int, epoch: Int, stepInEpoch: Int) -> Checkpoint.Position {
        var position = Checkpoint.Position()
        (position.step, position.epoch, position.stepInEpoch) = (step, epoch, stepInEpoch)
        position.reports = (0..<Swift.max(Swift.min(epoch, 9), 0)).map { ["epoch": .integer(Int64($0))] }
        position.isFinished = epoch == 2
        return position
    }

    private static func roundTrip(_ position: Checkpoint.Position, identity: JSON = ["seed": 1]) throws
        -> (Checkpoint.Position, [Float])
    {
        let folder = FileManager.default.temporaryDirectory.appending(path: "peft-host-\(UUID().uuidString)").path
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let (first, second) = (store(), store())
        first[0] = [1, 2, 3, 4]
        first.secondMoment.floats[3] = 7
        try Checkpoint(output: folder).write(position, first, identity: ["seed": 1])
        let read = try Checkpoint(output: folder).read(into: second, identity: identity, plan: plan)
        #expect(second.secondMoment.floatArray == [0, 0, 0, 7])
        return (read, second[0])
    }

    @Test(arguments: [(0, 0, 0), (2, 0, 2), (3, 1, 0), (5, 1, 2), (6, 2, 0)])
    func roundTrips(_ step: Int, _ epoch: Int, _ stepInEpoch: Int) throws {
        let position = Self.position(step: step, epoch: epoch, stepInEpoch: stepInEpoch)
        let (read, values) = try Self.roundTrip(position)
        #expect(read == position)
        #expect(values == [1, 2, 3, 4])
    }

    @Test(arguments: [
        (-1, 0, -1), (3, 0, 3), (4, 1, 0), (1, 0, 2), (9, 3, 0), (7, 2, 1), (0, -1, 3), (2, 0, 1 << 60),
        (1, 1 << 62, 1),
    ])
    func impossiblePositions(_ step: Int, _ epoch: Int, _ stepInEpoch: Int) {
        let error = #expect(throws: TrainingError.self) {
            try Self.roundTrip(Self.position(step: step, epoch: epoch, stepInEpoch: stepInEpoch))
        }
        #expect(error?.message.contains("which a run of 6 steps of 3 an epoch never does") == true, "\(error!)")
    }

    @Test func otherSettings() {
        let error = #expect(throws: TrainingError.self) {
            try Self.roundTrip(Self.position(step: 0, epoch: 0, stepInEpoch: 0), identity: ["seed": 2])
        }
        #expect(error?.message.contains("seed was 1 and is 2") == true)
    }
}
