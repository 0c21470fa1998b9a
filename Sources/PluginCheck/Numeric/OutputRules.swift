import Engine
import Models
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
        for (row, expected) in zip(rows, alone) {
            try compare("after other rows", try packed.logits([row]), [expected])
        }
    }

    static let shortRows = numeric(
        "short-rows", "computes for rows of one token, of none, and for no rows, in models of all kinds"
    ) { subject in
        _ = try subject.plugin()
        for kind in ToyModel.kinds {
            for task in [Task.causalLM, .sequenceClassification(labels: 3)] {
                // That it can be traced is another rule's matter.
                let bench = [kind.small, kind.wide].lazy.compactMap { try? subject.bench(on: $0, task: task) }.first
                guard let bench else { continue }
                subject.note("running in a model \(kind.name), \(task.name)")
                do {
                    try checkShortRows(bench)
                } catch let breach as Breach {
                    throw Breach("in a model \(kind.name), \(task.name): \(breach)")
                }
            }
        }
        return .passed
    }

    /// Short rows after a step of training; those without a token do not change the others.
    package static func checkShortRows(_ bench: Bench) throws {
        let model = try bench.trainable()
        try TrainingLoop(model, bench).run(0..<1)
        let inference = Inference(model, pool: WorkerPool(threads: 1))
        let (one, more): ([Int32], [Int32]) = ([5], [1, 4, 2])
        let logits = try inference.logits([one, more])
        for (what, logits) in zip(["one token", "three tokens beside it"], logits)
        where !logits.allSatisfy(\.isFinite) {
            throw Breach("the logits of a row of \(what) are not finite")
        }
        guard Logits.distance(try inference.logits([one]), [logits[0]]) <= 1e-5 else {
            throw Breach("a row of one token has other logits alone than beside others")
        }
        guard Logits.distance(try inference.logits([[], one, [], more]).filter { !$0.isEmpty }, logits) <= 1e-5 else {
            throw Breach("beside rows without a token the logits of the others are not the same")
        }
        _ = try inference.logits([])
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
