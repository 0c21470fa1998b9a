import Engine
import Models
import PluginHost
import Programs

extension Rule {
    static let identity = numeric(
        "identity-at-init", "computes what the base computes before it is trained, if it says so"
    ) { subject in
        guard try subject.manifest().capabilities.contains(.identityAtInit) else {
            return .skipped("it does not claim identity-at-init")
        }
        try checkIdentity(subject.bench())
        return .passed
    }

    /// In inference, and in training where nothing is random there: 1e-6 of the largest logit, in float64.
    package static func checkIdentity(_ bench: Bench) throws {
        let (model, bare) = (try bench.begun(), try bench.bare())
        if model.hasKernels {
            let distance = Logits.distance(try Logits.of(model), try Logits.of(bare))
            if distance <= 1e-5 { return }
            throw Breach("the logits at the start are off the base's by \(distance) of the largest")
        }
        for isTraining in model.isRandom ? [false] : [false, true] {
            let (found, expected) = (
                try model.logits64(isTraining: isTraining), try bare.logits64(isTraining: isTraining)
            )
            let scale = expected.reduce(0) { Swift.max($0, abs($1)) }
            for (a, b) in zip(found, expected) where !(abs(a - b) <= 1e-6 * scale) {
                throw Breach(
                    "at the start a logit\(isTraining ? ", in training," : "") is \(a), the base's \(b); "
                        + "start where the base is, or do not claim identity-at-init")
            }
        }
    }

    static let rows = numeric(
        "rows", "computes the same for a row alone, packed with others in any order, and after others"
    ) { subject in
        try subject.onVariants(checkRows)
        return .passed
    }

    /// 1e-5 of the largest logit.
    package static func checkRows(_ bench: Bench) throws {
        let model = try bench.moved()
        let pool = WorkerPool(threads: 1)
        let rows = Logits.rows
        let alone = try rows.map { try Inference(model, pool: pool).logits([$0])[0] }
        let packed = Inference(model, pool: pool)
        func compare(_ what: String, _ found: [[Float]], _ expected: [[Float]]) throws {
            let distance = Logits.distance(found, expected)
            guard !(distance <= 1e-5) else { return }
            throw Breach("\(what) the logits are off by \(distance) of the largest from those of each row alone")
        }
        try compare("packed with others", try packed.logits(rows), alone)
        try compare("packed in another order", try packed.logits(rows.reversed()), alone.reversed())
        try compare("behind all the others", Array(try packed.logits(rows + rows).suffix(rows.count)), alone)
        // In memory that larger batches have used.
        for (row, expected) in zip(rows, alone) { try compare("after other rows", try packed.logits([row]), [expected]) }
        if model.prefix.tokens == 0 {
            let gaps = try packed.logits([[], rows[0], [], rows[1]])
            try compare("beside rows without a token", [gaps[1], gaps[3]], [alone[0], alone[1]])
        }
        _ = try packed.logits([])
    }

    static let shapes = numeric(
        "shapes", "stands in models of odd sizes, with and without biases, a tied head or a window, or says why not"
    ) { subject in
        _ = try subject.plugin()
        let library = try subject.library()
        let toys: [(String, ToyModel)] = [
            ("tied embeddings", .plain), ("biases", .biased), ("an untied head", .untied), ("a window", .windowed),
            ("odd sizes", .odd),
        ]
        for (name, toy) in toys {
            for task in [Task.causalLM, .sequenceClassification(labels: 3)] {
                let place = "in a model with \(name), \(task.name)"
                subject.note(place)
                do {
                    try checkShape(Bench(library, subject.options, toy: toy, task: task))
                } catch let error as PluginError where error.code != .broken {
                    continue
                } catch let error as PluginError {
                    throw Breach("\(place): \(error.message); refuse with peft.trace/1 fail what it cannot do")
                } catch let breach as Breach {
                    throw Breach("\(place): \(breach)")
                }
            }
        }
        return .passed
    }

    /// One step of training, and the logits of rows of one token and of more.
    private static func checkShape(_ bench: Bench) throws {
        let model = try bench.trainable()
        try TrainingLoop(model, bench).run(0..<1)
        let logits = try Inference(model, pool: WorkerPool(threads: 1)).logits([[5], [1, 4, 2]])
        guard logits.allSatisfy({ $0.allSatisfy(\.isFinite) }) else { throw Breach("a logit is not finite") }
        _ = try Inference(model, pool: WorkerPool(threads: 1)).logits([[5]])
    }
}

extension AdaptedModel {
    /// The logits at every token of ``Logits/rows``, in float64.
    fileprivate func logits64(isTraining: Bool) throws -> [Double] {
        let rows = Logits.rows.map { prefix.before($0) }
        let count = rows.reduce(0) { $0 + $1.count }
        var batch = Batch(
            rows: rows, targetIndex: (0..<Int32(count)).map { $0 }, targetLabels: Array(repeating: 0, count: count),
            targetWeights: Array(repeating: 0, count: count))
        batch.rowInputs = rowInputs(for: Logits.rows)
        let g = GraphBuilder()
        let graph = try g.finish([program.build(in: g).logits])
        return try Evaluation64(self, batch, isTraining: isTraining).run(graph)[0].values
    }
}
