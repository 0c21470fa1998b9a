import CPeftPlugin
import PluginAPI

/// Low-rank adaptation (Hu et al. 2021): a frozen layer plus a product of two thin matrices,
///
///     y = W x + b + s · B A · dropout(x)        A (r, in), B (out, r), s = alpha / r
///
/// With `use_rslora`, s = alpha / √r (Kalajdzievski 2023). With `use_dora` the rows of W + s B A keep a trained length m
/// (Liu et al. 2024); with `loraplus_lr_ratio` B learns faster than A (Hayou et al. 2024). Initialization.swift says how A
/// and B begin, Stored.swift how they are kept.
struct LoRA: Method {
    static let id = "LoRA"
    static let peftType = "LORA"
    static let version = "1.0.0"
    static let summary = "low-rank update of linear layers and embeddings"
    static let paper = "Hu et al. 2021, arXiv:2106.09685"
    static let defaultLearningRate = 1e-3
    static let capabilities: Capabilities = [.merge, .identityAtInit]
    static let defaultTargets: [Role] = [.query, .value]
    static let siteKinds: [SiteKind] = [.linear, .embedding, .weight]

    @Hyperparameter("rank of the update", range: 1...65536, pattern: "rank_pattern") var r = 8
    @Hyperparameter("numerator of the scale alpha / r", pattern: "alpha_pattern") var lora_alpha = 8.0
    @Hyperparameter("dropout on the adapter's input", range: 0...0.99) var lora_dropout = 0.0
    @Hyperparameter("scale by alpha / √r instead of alpha / r") var use_rslora = false
    @Hyperparameter("train the rows' lengths apart from their directions (DoRA)") var use_dora = false
    @Hyperparameter("which biases of the base train", choices: ["none", "all", "lora_only"]) var bias = "none"
    @Hyperparameter("a trained bias behind B") var lora_bias = false
    @Hyperparameter(
        "how A and B begin", choices: ["true", "false", "gaussian", "orthogonal", "pissa", "olora", "loftq"])
    var init_lora_weights = "true"
    @Hyperparameter("learning rate of B, as a multiple of A's (LoRA+)", range: 1e-3...1e4) var loraplus_lr_ratio = 1.0
    @Hyperparameter(
        "learning rate of an embedding's A and B (LoRA+); null: 1e-6 unless loraplus_lr_ratio is 1, then the run's",
        range: 0...1)
    var loraplus_lr_embedding: Double? = nil
    @Hyperparameter("the run's learning rate, to which that is set in relation", range: 0...1e300, derived: true)
    var learning_rate: Double? = nil
    @Hyperparameter("pissa, olora: stored as peft stores them, for a base without what A and B began as")
    var relative_to_residual = false

    var scale: Double { lora_alpha / (use_rslora ? Double(r).squareRoot() : Double(r)) }

    /// How fast an embedding's A and B learn, of the run's rate: peft gives theirs as it is.
    private var embeddingMultiplier: Double {
        guard let rate = loraplus_lr_embedding ?? (loraplus_lr_ratio == 1 ? nil : 1e-6) else { return 1 }
        guard let run = learning_rate, run > 0 else { return 1 }
        return rate / run
    }

    func plan(_ plan: Plan) {
        for site in plan.sites where site.kind != .weight { plan.take(site) }
        if use_dora, lora_bias { plan.fail("lora_bias does not go with use_dora: its length would be scaled too") }
        plan.takeBiases(bias)
    }

    func inject(into site: LinearSite) {
        let (update, initial) = factors(at: site)
        let (c, m) = (trainedBias(at: site), use_dora ? magnitude(at: site, site.outputs) : nil)
        begin(at: site, update, initial, m)
        /// The frozen layer, less s B₀ A₀.
        func residual(_ v: Value) -> Value { initial.map { site.base(v) - scale * $0(v) } ?? site.base(v) }
        site.forward { x in
            let frozen = residual(x)
            let input = x.dropout(lora_dropout)
            let product = update(input)
            let change = scale * (c.map { product + $0 } ?? product)
            let sum = frozen + change
            guard let m else { return sum }
            // (m / n)(W x + change) + b; exactly the base where m = n and B = 0. The backward keeps one (N, out) of it.
            let lengths = (initial.map { update - $0 } ?? update).rowLengths(on: site, scale: scale)
            let ratio = m / lengths.stopGradient()
            let adapted = lora_dropout > 0 ? residual(input) + change : sum
            return sum + (ratio - 1) * (site.hasBias ? adapted - site.bias : adapted)
        }
        if c != nil, !site.hasBias {
            return site.refuseMerge(because: "lora_bias adds a bias, and the layer has none")
        }
        site.merge { W, b in
            var merged = W + scale * update.product
            if let initial { merged = merged - scale * initial.product }
            if let m { merged = merged * (m / merged.norm(1)).reshape([site.outputs, 1]) }
            return (merged, c.map { c in b.map { $0 + scale * c } } ?? b)
        }
    }

    /// A is kept as a table of columns, one a token; there is no dropout.
    func inject(into site: EmbeddingSite) {
        if lora_bias { site.fail("lora_bias does not go with an embedding") }
        let first: Initializer = start == .random ? .normal(deviation: 1) : .zeros
        let update = LowRank(
            A: site.parameter(
                "lora_embedding_A", shape: [r, site.rows], init: first, learningRateMultiplier: embeddingMultiplier),
            B: site.parameter(
                "lora_embedding_B", shape: [site.hiddenSize, r], init: .normal(deviation: 1),
                learningRateMultiplier: embeddingMultiplier))
        let m = use_dora ? magnitude(at: site, site.hiddenSize) : nil
        if let m { site.initialize { site.set(m, to: update.columnLengths(on: site, scale: scale)) } }
        site.forward { ids in
            let rows = site.base(ids) + scale * update.A.T.gather(ids).matmul(update.B.T)
            return m.map { rows * ($0 / update.columnLengths(on: site, scale: scale).stopGradient()) } ?? rows
        }
        site.merge { table in
            let merged = table + scale * update.A.T.matmul(update.B.T)
            return m.map { merged * ($0 / merged.norm(0)) } ?? merged
        }
    }

    /// A bias of the base.
    func inject(into site: WeightSite) { site.train(learningRateMultiplier: loraplus_lr_ratio) }
}

@c @implementation
public func peft_plugin_entry(_ host: UnsafePointer<peft_host>!) -> UnsafePointer<peft_plugin>! {
    plugin(LoRA.self, host)
}
