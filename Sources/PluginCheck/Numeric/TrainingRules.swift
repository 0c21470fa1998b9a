import Engine
import Formats
import Models
import PluginHost
import Training

extension Rule {
    static let finite = numeric(
        "finite", "stays finite over a few steps of training with its defaults"
    ) { subject in
        let bench = try subject.bench()
        do {
            try TrainingLoop(bench.trainable(), bench).run(0..<TrainedBits.steps)
        } catch let error as TrainingLoop.NotFinite {
            return .failed("with the learning rate \(bench.traced.defaultLearningRate), \(error.message)")
        }
        return .passed
    }

    static let learns = numeric(
        "learns", "lowers the loss on three rows that it sees forty times, with its default learning rate"
    ) { subject in
        let bench = try subject.bench(totalSteps: 40)
        let losses = try TrainingLoop(bench.trainable(), bench, totalSteps: 40).run(0..<40)
        // Dropout makes a single loss uncertain.
        let last = losses.suffix(5).reduce(0, +) / 5
        guard last < losses[0] else {
            return .failed(
                "the loss is \(losses[0]) before the first step, and \(last) in the last five of forty, with the learning "
                    + "rate \(bench.traced.defaultLearningRate)")
        }
        return .passed
    }

    static let steps = numeric(
        "steps", "has a regularizer and an update that stay finite in short and long runs"
    ) { subject in
        let program = try subject.bench().traced.program
        guard program.regularizer != nil || program.update != nil else {
            return .skipped("it has neither a regularizer nor an update")
        }
        for (total, step) in [(1, 0), (2, 1), (1000, 0), (1000, 500), (1000, 999)] {
            subject.note("step \(step) of \(total)")
            // Its hyperparameters may not go with so short a run.
            guard let bench = try? subject.bench(totalSteps: total) else { continue }
            do {
                try TrainingLoop(bench.trainable(), bench, totalSteps: total).run(step..<step + 1)
            } catch let error as TrainingLoop.NotFinite {
                // Whatever the step: what `finite` says.
                if total == 1000, step == 0 { throw error }
                return .failed("in a run of \(total) steps, \(error.message)")
            }
        }
        return .passed
    }

    static let determinism = numeric(
        "determinism", "trains to the same bits again, on two threads, and in a fresh process", isAlone: true,
        fact: Fact(
            id: "trained-bits",
            failure: "in a fresh process it comes to other bits; a trace may depend on its arguments alone"
        ) { try TrainedBits.digest($0.bench()) }
    ) { subject in
        let bench = try subject.bench()
        _ = try bench.trainable()
        let first = try TrainedBits.digest(bench)
        let again = try subject.bench()
        guard again.traced.program == bench.traced.program else {
            return .skipped("traced again, it gives another program")
        }
        guard try TrainedBits.digest(again) == first else { return .failed("trained again, it comes to other bits") }
        guard try TrainedBits.digest(bench, threads: 2) == first else {
            return .failed("on two threads it comes to other bits than on one")
        }
        return .passed
    }

    static let frozenBase = numeric(
        "frozen-base", "leaves the base as it is, in memory and in its file"
    ) { subject in
        let bench = try subject.bench()
        try TrainingLoop(bench.trainable(), bench).run(0..<TrainedBits.steps)
        try checkBase(bench)
        return .passed
    }

    /// That the base's files and what is in memory of them are what they were.
    package static func checkBase(_ bench: Bench) throws {
        let hashes = try Bench.hashes(of: bench.folder + "/model")
        let names = Set(hashes.keys).union(bench.fileHashes.keys)
        if let name = names.sorted().first(where: { hashes[$0] != bench.fileHashes[$0] }) {
            throw Breach("the base's \(name) was changed")
        }
        let (now, file) = (
            try Bench.frozenValues(of: bench.model), try Bench.frozenValues(of: Model(bench.model.path))
        )
        if let name = file.keys.sorted().first(where: { now[$0] != file[$0] }) {
            throw Breach("the base's \(name) was changed in memory")
        }
    }

    static let resuming = numeric(
        "resume", "resumed at a checkpoint comes to the bits of an uninterrupted run", isAlone: true
    ) { subject in
        let whole = try subject.bench()
        _ = try whole.trainable()
        let expected = try TrainedBits.digest(whole)
        let begun = try subject.bench()
        let model = try begun.trainable()
        let half = TrainedBits.steps / 2
        try TrainingLoop(model, begun).run(0..<half)
        var position = Checkpoint.Position()
        (position.step, position.stepInEpoch) = (half, half)
        try Checkpoint(output: begun.folder).write(position, model.tensors, identity: nil)

        let resumed = try subject.bench()
        let other = try resumed.trainable()
        var options = TrainingOptions()
        (options.epochs, options.batchSize) = (1, 1)
        let plan = BatchPlan(
            (0..<TrainedBits.steps).map { Example(tokens: [Int32($0)], label: 0) }, options, labels: 2)
        let read = try Checkpoint(output: begun.folder).read(into: other.tensors, identity: nil, plan: plan)
        try TrainingLoop(other, resumed).run(read.step..<TrainedBits.steps)
        guard other.tensors.digest == expected else {
            return .failed("resumed after step \(half) of \(TrainedBits.steps), it comes to other bits")
        }
        return .passed
    }
}
