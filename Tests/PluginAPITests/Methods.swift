import PluginAPI

/// Every type of hyperparameter, and the operators whose form the kit chooses.
struct Operators: Method {
    static let id = "Operators"
    static let peftType = "OPERATORS"
    static let version = "1.0.0"
    static let summary = "operators"
    static let defaultLearningRate = 1e-2

    @Hyperparameter("a count", range: 1 ... .max, perSite: true) var count = 3
    @Hyperparameter("a scale", range: -1.5...2) var scale = 0.5
    @Hyperparameter("a switch") var isOn = true
    @Hyperparameter("a choice", choices: ["one", "two \"quoted\""]) var mode = "one"
    @Hyperparameter("may be null", range: 0...9) var limit: Int? = nil
    @Hyperparameter("layers", range: 0...99) var layers = [1, 2]
    @Hyperparameter("must be given") var length: Int
    @Hyperparameter("filled in", derived: true) var total_step: Int

    func inject(into site: LinearSite) {
        let p = site.parameter(
            "p", shape: [2, 3, 4], init: .normal(deviation: 0.02), options: [.noDecay, .sidecar],
            learningRateMultiplier: 16)
        site.initialize { site.set(p, to: site.weight.svd().vt) }
        site.forward { x in
            let numbers = 2 - x * 3 + (1 / x - 0.5) / 4.0
            let folded = x.T.matmul(p.T).T.T + p.T
            return concat(numbers, -folded).sum(0, 1, keep: true).maximum(0)
        }
        if limit == nil, isOn, mode == "one" {
            site.refuseMerge(because: "\(count) \(scale) \(layers) \(length) \(total_step)")
        }
    }

    private func concat(_ values: Value...) -> Value { .concat(values, axis: 1) }
}

/// What AdaLoRA asks of the phases: graphs over the parameters of all sites.
struct Pruning: Method {
    static let id = "Pruning"
    static let peftType = "PRUNING"
    static let version = "1.0.0"
    static let summary = "masks what matters least"
    static let defaultLearningRate = 1e-3

    func plan(_ plan: Plan) {
        for site in plan.sites where site.layer == 1 { plan.take(site) }
        _ = plan.buffer("mean", shape: [4], init: .zeros)
    }

    func finish(_ method: MethodGraphs) {
        let all = method.sites.map { method.parameter("E", of: $0) }
        let mean = method.methodParameter("mean")
        method.regularizer { all[0].norm() }
        method.update {
            let score = Value.concat(all, axis: 0)
            method.set(mean, to: method.gradient(all[0]))
            method.set(all[0], to: score.isAtMost(score.kthValue(Value.step)).select(0, else: all[0]))
        }
        method.export { export in
            export.tensor("B", all[0].T, axis: 1, where: mean)
            export.field("r", json: nil)
            export.field("rank_pattern/q", from: mean, asBoolean: true)
        }
        method.import { stored in method.set(all[0], to: stored("B", [4, 1])) }
    }
}

/// One site of each other kind.
struct Kinds: Method {
    static let id = "Kinds"
    static let peftType = "KINDS"
    static let version = "1.0.0"
    static let summary = "every kind of site"
    static let defaultLearningRate = 1e-3
    static let siteKinds: [SiteKind] = [.prompt, .attention, .block, .weight, .embedding]

    func plan(_ plan: Plan) {
        plan.takeAll()
        let table = plan.parameter("table", shape: [6, plan.model.hiddenSize], init: .uniform(low: -1, high: 1))
        plan.prelude { [table.tanh()] }
    }

    func inject(into site: PromptSite) {
        let start = site.tokenIDs(of: "start")
        let p = site.parameter("prompt_embeddings", shape: [3, site.hiddenSize], init: .graph)
        site.initialize { site.set(p, to: site.embed(start.gather(.constant([0, 1, 0], shape: [3], type: .i32)))) }
        site.forward { p }
    }

    func inject(into site: AttentionSite) {
        let gate = site.parameter("gate", shape: [1], init: .zeros)
        site.forward { x in
            let prefix = site.prelude(0).slice(axis: 0, 0..<3).reshape([3, site.keyHeads, site.headSize])
            let keys = site.project(.key, site.methodParameter("table"))
            return site.base(x, moreKeys: prefix, moreValues: prefix) + gate
                * site.attend(x.q, keys: keys, values: keys)
                + site.base(x)
        }
    }

    func inject(into site: BlockSite) {
        site.forward { output, residual in output + (output + residual).silu() }
        site.refuseMerge(because: "it is not linear")
    }

    func inject(into site: WeightSite) {
        let w = site.parameter("weight", shape: site.shape, init: .graph)
        site.initialize { site.set(w, to: site.weight) }
        site.forward { w }
        site.merge { _ in w }
    }
}
