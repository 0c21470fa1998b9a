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
    @Hyperparameter("pissa, olora: stored as peft stores them, for a base without what A and B began as")
    var relative_to_residual = false

    var scale: Double { lora_alpha / (use_rslora ? Double(r).squareRoot() : Double(r)) }

    func plan(_ plan: Plan) {
        let layers = plan.sites.filter { $0.kind != .weight }
        for site in layers { plan.take(site) }
        if use_dora, lora_bias { plan.fail("lora_bias does not go with use_dora: its length would be scaled too") }
        guard bias != "none" else { return }
        let biases = plan.sites.filter { $0.role == .bias && (bias == "all" || isWrapped($0, layers)) }
        if biases.isEmpty { plan.fail("bias=\(bias): there are no such biases in the base") }
        for site in biases { plan.take(site) }
    }

    /// Whether a bias is that of a layer that is adapted.
    private func isWrapped(_ bias: SiteInfo, _ sites: [SiteInfo]) -> Bool {
        sites.contains { $0.kind == .linear && $0.name + ".bias" == bias.name }
    }

    func inject(into site: LinearSite) {
        let factors = Factors(self, site)
        let (A, B, c, m) = (factors.A, factors.B, factors.bias, factors.magnitude)
        site.forward { x in
            let frozen = factors.residual(x)
            let input = x.dropout(lora_dropout)
            let product = input.matmul(A.T).matmul(B.T)
            let update = scale * (c.map { product + $0 } ?? product)
            let sum = frozen + update
            guard let m else { return sum }
            // (m / n)(W x + update) + b; exactly the base where m = n and B = 0. The backward keeps one (N, out) of it.
            let ratio = m / factors.lengths().stopGradient()
            let adapted = lora_dropout > 0 ? factors.residual(input) + update : sum
            return sum + (ratio - 1) * (site.hasBias ? adapted - site.bias : adapted)
        }
        if c != nil, !site.hasBias {
            return site.refuseMerge(because: "lora_bias adds a bias, and the layer has none")
        }
        site.merge { W, b in
            var merged = W + scale * B.matmul(A)
            if let (A0, B0) = factors.initial { merged = merged - scale * B0.matmul(A0) }
            if let m { merged = merged * (m / merged.norm(1)).reshape([site.outputs, 1]) }
            return (merged, c.map { c in b.map { $0 + scale * c } } ?? b)
        }
    }

    /// A is kept as a table of columns, one a token; there is no dropout.
    func inject(into site: EmbeddingSite) {
        if lora_bias { site.fail("lora_bias does not go with an embedding") }
        let isRandom = start == .random
        let A = site.parameter(
            "lora_embedding_A", shape: [r, site.rows], init: isRandom ? .normal(deviation: 1) : .zeros)
        let B = site.parameter("lora_embedding_B", shape: [site.hiddenSize, r], init: .normal(deviation: 1))
        /// Of the columns of the table + s (B A)ᵀ, as ``Factors/lengths()`` of rows.
        func lengths() -> Value {
            let cross = (B * A.matmul(site.weight).T).sum(1)
            let square = (B * B.matmul(A.matmul(A.T))).sum(1)
            return (site.columnNorms * site.columnNorms + 2 * scale * cross + scale * scale * square).sqrt()
        }
        var m: Value?
        if use_dora {
            let vector = site.parameter(
                "lora_magnitude_vector", shape: [site.hiddenSize], init: .graph,
                learningRateMultiplier: loraplus_lr_ratio)
            site.initialize { site.set(vector, to: lengths()) }
            m = vector
        }
        site.forward { ids in
            let rows = site.base(ids) + scale * A.T.gather(ids).matmul(B.T)
            return m.map { rows * ($0 / lengths().stopGradient()) } ?? rows
        }
        site.merge { table in
            let merged = table + scale * A.T.matmul(B.T)
            return m.map { merged * ($0 / merged.norm(0)) } ?? merged
        }
    }

    /// A bias of the base, which trains itself.
    func inject(into site: WeightSite) {
        let name = isWrapped(site.info, site.sites) ? "base_layer.bias" : "weight"
        let value = site.parameter(name, shape: site.shape, init: .graph, learningRateMultiplier: loraplus_lr_ratio)
        site.initialize { site.set(value, to: site.weight) }
        site.forward { value }
        site.merge { _ in value }
    }
}

@c @implementation
public func peft_plugin_entry(_ host: UnsafePointer<peft_host>!) -> UnsafePointer<peft_plugin>! {
    plugin(LoRA.self, host)
}
