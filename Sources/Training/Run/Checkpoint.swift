import Engine
import Formats
import Foundation

/// What `--resume` needs: the tensors with their moments, and where the run stood. The order of the data and all random
/// streams follow from the seed and the numbers here.
package struct Checkpoint {
    /// Where a run stands.
    package struct Position: Equatable, Sendable {
        /// Optimizer steps done, over all epochs.
        package var step = 0
        /// Epochs done.
        package var epoch = 0
        /// Optimizer steps done of the epoch that has begun.
        package var stepInEpoch = 0
        /// Sum of the losses of the steps of that epoch.
        package var lossSum = 0.0
        /// The lowest validation loss so far.
        package var bestLoss: Double?
        /// One line of `metrics.jsonl` for each epoch done.
        package var reports: [JSON] = []
        package var isFinished = false

        package init() {}

        /// Whether a run of that plan can stand here.
        func isPossible(_ plan: BatchPlan) -> Bool {
            guard (0...plan.epochs).contains(epoch), (0..<plan.stepsPerEpoch).contains(stepInEpoch) else {
                return false
            }
            return step == epoch * plan.stepsPerEpoch + stepInEpoch && step <= plan.totalSteps && lossSum.isFinite
                && isFinished == (epoch == plan.epochs) && reports.count == epoch
        }
    }

    private let folder: String

    /// - Parameter output: the run's output folder.
    package init(output: String) { folder = output + "/checkpoints" }

    private func state(_ step: Int) -> String { "\(folder)/step-\(step).safetensors" }
    private var head: String { folder + "/latest.json" }

    package var exists: Bool { FileManager.default.fileExists(atPath: head) }

    /// Puts a checkpoint in place; the one before it goes only when this one is whole.
    package func write(_ position: Position, _ store: TensorStore, identity: JSON) throws {
        try Folder.make(folder)
        func tensor(_ name: String, _ buffer: Buffer) -> SafetensorsWriter.Tensor {
            let floats = UnsafeBufferPointer(start: buffer.floats, count: buffer.count)
            return .init(name, shape: [buffer.count], .borrowed(.init(floats, owner: buffer)))
        }
        try SafetensorsWriter.write(
            [
                tensor("values", store.values), tensor("first_moment", store.firstMoment),
                tensor("second_moment", store.secondMoment),
            ], to: state(position.step))
        let json: JSON = [
            "format": 1, "step": .integer(Int64(position.step)), "epoch": .integer(Int64(position.epoch)),
            "step_in_epoch": .integer(Int64(position.stepInEpoch)), "loss_sum": .number(position.lossSum),
            "best_loss": position.bestLoss.map(JSON.number) ?? nil,
            "finished": .bool(position.isFinished), "reports": .array(position.reports), "identity": identity,
        ]
        try AtomicFile.write(json.text(indent: 2) + "\n", to: head)
        removeStates(but: position.step)
    }

    private func removeStates(but step: Int) {
        let keep = URL(filePath: state(step)).lastPathComponent
        for name in (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
        where name.hasPrefix("step-") && name != keep {
            try? FileManager.default.removeItem(atPath: "\(folder)/\(name)")
        }
    }

    /// Reads the last checkpoint into the tensors.
    ///
    /// - Parameter plan: where a run can stand.
    /// - Throws: `TrainingError` that names the first difference, where the run that wrote it had other options, data,
    ///   model or method.
    package func read(into store: TensorStore, identity: JSON, plan: BatchPlan) throws -> Position {
        let json = try JSON.parse(MappedFile.content(head), place: head)
        guard json["format"]?.int == 1, let step = json["step"]?.int, let epoch = json["epoch"]?.int,
            let stepInEpoch = json["step_in_epoch"]?.int, let lossSum = json["loss_sum"]?.double,
            let isFinished = json["finished"]?.bool, let reports = json["reports"]?.array, let old = json["identity"]
        else { throw TrainingError("the checkpoint is malformed", place: head, remedy: "start again with --overwrite") }
        if let difference = Checkpoint.difference(old, identity) {
            throw TrainingError(
                "the run cannot be resumed with other settings: \(difference)", place: head,
                remedy: "use the same, or start again with --overwrite")
        }
        var position = Position()
        (position.step, position.epoch, position.stepInEpoch) = (step, epoch, stepInEpoch)
        (position.lossSum, position.isFinished, position.reports) = (lossSum, isFinished, reports)
        position.bestLoss = json["best_loss"]?.double
        guard position.isPossible(plan) else {
            throw TrainingError(
                "the checkpoint stands at step \(step), epoch \(epoch), step \(stepInEpoch) of it, which a run of "
                    + "\(plan.totalSteps) steps of \(plan.stepsPerEpoch) an epoch never does", place: head,
                remedy: "start again with --overwrite")
        }
        let tensors = try Safetensors(file: state(step)).tensors
        for (name, buffer) in [
            ("values", store.values), ("first_moment", store.firstMoment), ("second_moment", store.secondMoment),
        ] {
            let stored = try tensors.weight(name, shape: [buffer.count])
            stored.withBytes { buffer.raw.copyMemory(from: $0.baseAddress!, byteCount: $0.count) }
        }
        // A process that was killed may have left another.
        removeStates(but: step)
        return position
    }

    /// The first member in which two identities differ, in words.
    static func difference(_ old: JSON, _ new: JSON, path: String = "") -> String? {
        if let a = old.members, let b = new.members {
            for key in a.map(\.key) + b.map(\.key).filter({ old[$0] == nil }) {
                let inner = path.isEmpty ? key : "\(path).\(key)"
                if let found = difference(old[key] ?? .null, new[key] ?? .null, path: inner) { return found }
            }
            return nil
        }
        return old == new ? nil : "\(path) was \(old.text()) and is \(new.text())"
    }
}
