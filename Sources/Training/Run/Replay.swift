import Engine
import Formats
import Models
import Programs

/// A recorded training run: batches in their order, and what another implementation computed for them.
package struct ReplayCase {
    package var task: Task
    package var learningRate: Double
    package var optimizer: Optimizer
    package var batches: [(rows: [[Int32]], labels: [Int32])]
    package var probe: [Int32]
    /// Hyperparameters of a method that no `adapter_config.json` describes, as they are typed.
    package var options: [(name: String, text: String)]

    /// Reads `run.json`.
    package init(_ path: String, vocabulary: Int) throws {
        let json = try JSON.parse(MappedFile.content(path), place: path)
        func missing(_ name: String) -> TrainingError {
            TrainingError("\"\(name)\" is missing or malformed", place: path)
        }
        func ids(_ value: JSON, _ name: String) throws -> [Int32] {
            guard let ids = value.array?.map({ $0.int ?? -1 }), !ids.isEmpty else { throw missing(name) }
            for id in ids where !(0..<vocabulary).contains(id) {
                throw TrainingError("token id \(id) is outside the vocabulary of \(vocabulary)", place: path)
            }
            return ids.map(Int32.init)
        }
        switch json["task"]?.string {
        case "CAUSAL_LM": task = .causalLM
        case "SEQ_CLS":
            guard let labels = json["num_labels"]?.int, (2...1 << 20).contains(labels) else {
                throw missing("num_labels")
            }
            task = .sequenceClassification(labels: labels)
        default: throw missing("task")
        }
        guard let settings = json["optimizer"], settings["name"]?.string == "AdamW", let rate = settings["lr"]?.double,
            let decay = settings["weight_decay"]?.double, let betas = settings["betas"]?.array?.map({ $0.double ?? 0 }),
            betas.count == 2, let epsilon = settings["eps"]?.double
        else { throw missing("optimizer") }
        for (name, isPossible) in [
            ("lr", rate.isFinite && rate >= 0), ("weight_decay", decay.isFinite && decay >= 0),
            ("betas", betas.allSatisfy { (0..<1).contains($0) }), ("eps", epsilon.isFinite && epsilon > 0),
        ] where !isPossible {
            throw missing("optimizer.\(name)")
        }
        let known = ["name", "lr", "weight_decay", "betas", "eps"]
        if let other = settings.members?.first(where: { !known.contains($0.key) }) {
            throw TrainingError("\"optimizer.\(other.key)\" is not implemented in a replay", place: path)
        }
        learningRate = rate
        optimizer = Optimizer()
        optimizer.weightDecay = decay
        (optimizer.beta1, optimizer.beta2, optimizer.epsilon) = (betas[0], betas[1], epsilon)
        let task = task
        batches = []
        for batch in json["batches"]?.array ?? [] {
            let rows = try (batch["input_ids"]?.array ?? []).map { try ids($0, "input_ids") }
            guard !rows.isEmpty else { throw missing("input_ids") }
            var labels: [Int32] = []
            if task == .causalLM {
                guard rows.contains(where: { $0.count > 1 }) else {
                    throw TrainingError("a batch has rows of one token only: there is nothing to predict", place: path)
                }
            } else {
                labels = (batch["labels"]?.array ?? []).map { $0.int.flatMap(Int32.init(exactly:)) ?? -1 }
                guard labels.count == rows.count, labels.allSatisfy({ (0..<Int32(task.labels)).contains($0) }) else {
                    throw missing("labels")
                }
            }
            batches.append((rows, labels))
        }
        guard !batches.isEmpty else { throw missing("batches") }
        options = (json["bottleneck"]?.members ?? []).map { ($0.key, $0.value.string ?? $0.value.text()) }
        guard let probe = json["probe"]?["input_ids"] else { throw missing("probe") }
        self.probe = try ids(probe, "probe")
    }

    /// Batch `index`, its loss the mean over its targets.
    package func batch(_ index: Int, behind prefix: RowPrefix) -> Batch {
        let (ids, labels) = batches[index]
        let rows = ids.map { prefix.before($0) }
        if task == .causalLM {
            let isTarget = ids.map { prefix.before($0.map { _ in true }) }
            let targets = isTarget.reduce(0) { $0 + $1.dropFirst().count { $0 } }
            return Batch(predicting: rows, isTarget: isTarget, weight: 1 / Float(targets))
        }
        return Batch(classifying: rows, labels: labels, weights: rows.map { _ in 1 / Float(rows.count) })
    }
}

/// Trains the batches of a ``ReplayCase`` in their order.
package struct Replay {
    package struct Step {
        package var loss: Double
        package var gradientNorm: Double
        /// See ``MethodSteps/nonzeroCounts``.
        package var nonzeroCounts: [(name: String, count: Int)]
    }

    private let recorded: ReplayCase
    private let model: AdaptedModel
    private let pool: WorkerPool

    package init(_ recorded: ReplayCase, _ model: AdaptedModel, pool: WorkerPool) {
        self.recorded = recorded
        self.model = model
        self.pool = pool
    }

    /// - Parameter report: called after each step.
    package func run(_ report: (Int, Step) -> Void) throws {
        let batches = recorded.batches.indices.map { recorded.batch($0, behind: model.prefix) }
        let capacity = batches.map(\.sizes).reduce(batches[0].sizes) { $0.union($1) }
        let program = try GradientProgram(model, capacity: capacity, pool: pool)
        let method = try MethodSteps(model, totalSteps: batches.count, pool: pool)
        for (index, batch) in batches.enumerated() {
            let loss =
                program.run(batch, step: index, microBatch: 0, accumulates: false) + method.regularize(step: index)
            let norm = Optimizer.gradientNorm(model.tensors, on: pool)
            guard loss.isFinite, norm.isFinite else {
                throw TrainingError("the \(loss.isFinite ? "gradient" : "loss") of step \(index) is not finite")
            }
            recorded.optimizer.update(
                model.tensors, learningRate: recorded.learningRate, step: index + 1, gradientNorm: norm, on: pool)
            method.update(step: index, gradientScale: recorded.optimizer.clippingScale(gradientNorm: norm))
            report(index, Step(loss: loss, gradientNorm: norm, nonzeroCounts: method.nonzeroCounts))
        }
    }

    /// The largest logits (at most 20) at the last position of the probe, dropout off.
    package func probe() throws -> (ids: [Int], logits: [Float]) {
        let row = model.prefix.before(recorded.probe)
        let last = Int32(row.count - 1)
        let batch = Batch(rows: [row], targetIndex: [last], targetLabels: [0], targetWeights: [0])
        let logits = Array(try Inference(model, pool: pool).run(batch).logits(0))
        let top = logits[...].largest(20)
        return (top, top.map { logits[$0] })
    }
}
