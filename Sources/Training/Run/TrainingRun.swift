import Engine
import Formats
import Foundation
import Models

/// The user ended the work at hand.
package struct Interrupted: Error {
    package init() {}
}

/// One training run: epochs of steps, evaluation, checkpoints, and the adapters of the best and of the last epoch.
package final class TrainingRun {
    /// What a run tells while it goes on.
    package enum Event {
        /// After each optimizer step; seconds since the epoch's training began, without evaluation.
        case step(step: Int, of: Int, loss: Double, tokensPerSecond: Double)
        case epoch(EpochReport)
        case resumed(step: Int, of: Int)
    }

    private let model: AdaptedModel
    private let data: DataSplits
    private let options: TrainingOptions
    private let output: String
    private let identity: JSON
    private let pool: WorkerPool
    /// Of validation, and then of the test rows.
    package let inference: Inference
    private let started: Date
    /// Writes the adapter with the tensors' present values.
    private let save: (_ folder: String) throws -> Void

    /// - Parameters:
    ///   - identity: what must be equal for a run to be resumed.
    ///   - started: when the process began, for the time to the first step.
    ///   - save: writes the adapter into a folder.
    package init(
        _ model: AdaptedModel, _ data: DataSplits, _ options: TrainingOptions, output: String, identity: JSON,
        pool: WorkerPool, started: Date, save: @escaping (_ folder: String) throws -> Void
    ) {
        self.model = model
        self.data = data
        self.options = options
        self.output = output
        self.identity = identity
        self.pool = pool
        self.started = started
        self.save = save
        inference = Inference(
            model, capacity: Evaluation.capacity(data.valid + data.test), keepingIn: options.epochs > 1 ? output : nil,
            pool: pool)
    }

    /// Trains to the end.
    ///
    /// - Parameters:
    ///   - resumes: goes on at the last checkpoint, where there is one.
    ///   - shouldStop: asked after every step and every batch of an evaluation.
    ///   - report: told what happens.
    /// - Throws: ``Interrupted`` where `shouldStop` said so, with the last checkpoint in place; `TrainingError` where
    ///   numbers are not finite any more or the checkpoint is another run's; errors of writing.
    package func run(resumes: Bool, shouldStop: () -> Bool, _ report: (Event) -> Void) throws {
        let plan = BatchPlan(data.train, options, labels: model.task.labels)
        let checkpoint = Checkpoint(output: output)
        var position = Checkpoint.Position()
        if resumes, checkpoint.exists {
            position = try checkpoint.read(into: model.tensors, identity: identity, plan: plan)
            report(.resumed(step: position.step, of: plan.totalSteps))
        }
        guard !position.isFinished else { return }
        // From the first second the folder says whose run it is.
        if position.step == 0 { try checkpoint.write(position, model.tensors, identity: identity) }
        let program = try GradientProgram(
            model, capacity: plan.capacity(sharesPrefix: false), recomputed: options.recomputed,
            keepingIn: options.epochs > 1 ? output : nil, pool: pool)
        let method = try MethodSteps(model, totalSteps: plan.totalSteps, pool: pool)
        let schedule = Schedule(options.schedule, warmupSteps: options.warmupSteps, totalSteps: plan.totalSteps)
        var optimizer = Optimizer()
        optimizer.weightDecay = options.weightDecay
        optimizer.maximumNorm = options.maximumNorm
        var secondsToFirstStep: Double?

        while position.epoch < options.epochs {
            let steps = plan.steps(epoch: position.epoch)
            var (tokens, seconds) = (0, 0.0)
            while position.stepInEpoch < steps.count {
                let begun = Date()
                let batches = steps[position.stepInEpoch]
                var loss = 0.0
                for (index, batch) in batches.enumerated() {
                    loss += program.run(batch, step: position.step, microBatch: index, accumulates: index > 0)
                }
                loss += method.regularize(step: position.step)
                let norm = Optimizer.gradientNorm(model.tensors, on: pool)
                guard loss.isFinite, norm.isFinite else {
                    throw TrainingError(
                        "the \(loss.isFinite ? "gradient" : "loss") of step \(position.step + 1) is not finite",
                        remedy: "the last checkpoint and adapter are kept; try a smaller --learning-rate")
                }
                // Not before this loss has shown that the tensors are good.
                if isDue(position) {
                    let computed = Date()
                    try checkpoint.write(position, model.tensors, identity: identity)
                    seconds += computed.timeIntervalSinceNow
                }
                optimizer.update(
                    model.tensors, learningRate: options.learningRate * schedule.multiplier(step: position.step),
                    step: position.step + 1, gradientNorm: norm, on: pool)
                method.update(
                    step: position.step, gradientScale: optimizer.clippingScale(gradientNorm: norm))
                position.step += 1
                position.stepInEpoch += 1
                position.lossSum += loss
                if secondsToFirstStep == nil { secondsToFirstStep = -started.timeIntervalSinceNow }
                tokens += batches.reduce(0) { $0 + $1.textTokens }
                seconds -= begun.timeIntervalSinceNow
                report(
                    .step(
                        step: position.step, of: plan.totalSteps, loss: loss, tokensPerSecond: Double(tokens) / seconds)
                )
                if shouldStop() { throw Interrupted() }
            }
            program.release()
            try finishEpoch(
                &position, steps: steps.count, tokensPerSecond: seconds > 0 ? Double(tokens) / seconds : 0,
                secondsToFirstStep: secondsToFirstStep ?? 0, shouldStop: shouldStop, report)
            try checkpoint.write(position, model.tensors, identity: identity)
        }
    }

    /// Whether a checkpoint inside an epoch is wanted here.
    private func isDue(_ position: Checkpoint.Position) -> Bool {
        options.checkpointSteps > 0 && position.stepInEpoch > 0 && position.step % options.checkpointSteps == 0
    }

    /// Evaluates, keeps the adapter if it is the best so far, and notes the epoch.
    private func finishEpoch(
        _ position: inout Checkpoint.Position, steps: Int, tokensPerSecond: Double, secondsToFirstStep: Double,
        shouldStop: () -> Bool, _ report: (Event) -> Void
    ) throws {
        let valid =
            data.valid.isEmpty
            ? nil : try Evaluation(data.valid, inference, labels: model.task.labels, shouldStop: shouldStop)
        inference.release()
        let isMeasured = valid?.loss.isFinite ?? true
        guard isMeasured, model.tensors.isFinite else {
            throw TrainingError(
                "the \(isMeasured ? "adapter" : "validation loss") after step \(position.step) is not finite",
                remedy: "the last checkpoint and adapter are kept; try a smaller --learning-rate")
        }
        let epoch = EpochReport(
            epoch: position.epoch + 1, trainLoss: position.lossSum / Double(steps), valid: valid,
            tokensPerSecond: tokensPerSecond, peakMemory: ProcessMemory.peak, secondsToFirstStep: secondsToFirstStep)
        let isBest = valid.map { $0.loss < position.bestLoss ?? .infinity } ?? true
        try save(output + "/last")
        if isBest {
            try save(output)
            position.bestLoss = valid?.loss
        }
        position.reports.append(epoch.json)
        try AtomicFile.write(
            position.reports.map { $0.text() + "\n" }.joined(), to: output + "/metrics.jsonl")
        position.epoch += 1
        position.stepInEpoch = 0
        position.lossSum = 0
        position.isFinished = position.epoch == options.epochs
        report(.epoch(epoch))
    }
}
