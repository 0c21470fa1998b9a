import PluginAPI

/// How A and B of a linear layer begin: `init_lora_weights`.
enum Start: String {
    /// A as Kaiming's, B zero: the model starts unchanged.
    case standard = "true"
    /// Both as Kaiming's.
    case random = "false"
    /// A from N(0, 1/r²), B zero.
    case gaussian
    /// Random, and B A = 0: their rows come from two halves of one orthogonal matrix (r, r), r even.
    case orthogonal
    /// The r largest singular triplets of W, √Σ / √s on each side (Meng et al. 2024).
    case pissa
    /// The first r columns of Q and rows of R, of W = Q R (Büyükakyüz 2024).
    case olora
    /// As `pissa`, of what quantising lost of W (Li et al. 2023), one iteration; nothing is subtracted then.
    case loftq

    /// Whether A and B begin as a part of W, which the layer then goes without: s B₀ A₀.
    var isPartOfWeight: Bool { self == .pissa || self == .olora }
}

extension LoRA {
    var start: Start { Start(rawValue: init_lora_weights) ?? .standard }

    /// A and B of a linear layer, and A₀ and B₀ where they begin as a part of W.
    func factors(at site: LinearSite) -> (own: LowRank, initial: LowRank?) {
        let (first, second): (Initializer, Initializer) =
            switch start {
            case .standard: (.linearWeight, .zeros)
            case .random: (.linearWeight, .linearWeight)
            case .gaussian: (.normal(deviation: 1 / Double(r)), .zeros)
            case .orthogonal, .pissa, .olora, .loftq: (.graph, .graph)
            }
        let (shapeA, shapeB) = ([r, site.inputs], [site.outputs, r])
        let own = LowRank(
            A: site.parameter("lora_A.weight", shape: shapeA, init: first),
            B: site.parameter("lora_B.weight", shape: shapeB, init: second, learningRateMultiplier: loraplus_lr_ratio))
        guard start.isPartOfWeight else { return (own, nil) }
        let initial = LowRank(
            A: site.buffer("lora_A.initial", shape: shapeA, init: .graph),
            B: site.buffer("lora_B.initial", shape: shapeB, init: .graph))
        return (own, initial)
    }

    /// (out), with `lora_bias`.
    func trainedBias(at site: LinearSite) -> Value? {
        guard lora_bias else { return nil }
        return site.parameter(
            "lora_B.bias", shape: [site.outputs], init: start == .random ? .like(torchLayerOf: r) : .zeros,
            learningRateMultiplier: loraplus_lr_ratio)
    }

    /// m, with `use_dora`: the lengths of the rows (of a table, the columns).
    func magnitude(at site: some Site, _ count: Int) -> Value {
        site.parameter(
            "lora_magnitude_vector", shape: [count], init: .graph, learningRateMultiplier: loraplus_lr_ratio)
    }

    /// The init graph, where there is something to compute.
    func begin(at site: LinearSite, _ own: LowRank, _ initial: LowRank?, _ magnitude: Value?) {
        let computed = firstValues(at: site)
        guard computed != nil || magnitude != nil else { return }
        site.initialize {
            let values = computed?() ?? own
            for parameters in [computed == nil ? nil : own, initial] {
                guard let parameters else { continue }
                site.set(parameters.A, to: values.A)
                site.set(parameters.B, to: values.B)
            }
            // What A and B take from W they give back.
            if let magnitude {
                site.set(magnitude, to: initial == nil ? values.rowLengths(on: site, scale: scale) : site.rowNorms)
            }
        }
    }

    /// What an init graph computes for A and B; nil where their initializers say all.
    private func firstValues(at site: LinearSite) -> (() -> LowRank)? {
        let most = min(site.inputs, site.outputs)
        switch start {
        case .standard, .random, .gaussian: return nil
        case .orthogonal:
            if r % 2 != 0 { site.fail("init_lora_weights=orthogonal needs an even rank, not \(r)") }
            return { .orthogonal(inputs: site.inputs, outputs: site.outputs, rank: r) }
        case .pissa, .olora, .loftq:
            if r > most { site.fail("init_lora_weights=\(init_lora_weights): r is \(r), but the layer has \(most)") }
            return {
                switch start {
                case .pissa: .principal(of: site.weight, rank: r, scale: scale)
                case .loftq: lost(site)
                default: .triangular(of: site.weight, rank: r)
                }
            }
        }
    }

    /// Where nothing was lost, because the host has not quantised the base, as `standard`.
    private func lost(_ site: LinearSite) -> LowRank {
        let M = site.originalWeight - site.weight
        let best = LowRank.principal(of: M, rank: r, scale: scale)
        let bound = 1 / Double(site.inputs).squareRoot()
        let isLost = Value.scalar(0).isLess(than: (M * M).sum())
        return LowRank(
            A: isLost.select(best.A, else: Value.uniform(-bound, bound, shape: [r, site.inputs])), B: best.B)
    }
}
