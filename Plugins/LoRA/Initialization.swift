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

/// What LoRA trains at a linear layer, and what the layer goes without for it.
struct Factors {
    /// (r, in)
    let A: Value
    /// (out, r)
    let B: Value
    /// A₀ and B₀, where A and B began as a part of W.
    let initial: (A: Value, B: Value)?
    /// (out), with `lora_bias`.
    let bias: Value?
    /// m (out), with `use_dora`: the rows' lengths.
    let magnitude: Value?
    private let site: LinearSite
    private let scale: Double

    init(_ method: LoRA, _ site: LinearSite) {
        let (r, ratio) = (method.r, method.loraplus_lr_ratio)
        let kaiming = Initializer.kaimingUniform(a: 5.0.squareRoot())
        let (first, second): (Initializer, Initializer) =
            switch method.start {
            case .standard: (kaiming, .zeros)
            case .random: (kaiming, kaiming)
            case .gaussian: (.normal(deviation: 1 / Double(r)), .zeros)
            case .orthogonal, .pissa, .olora, .loftq: (.graph, .graph)
            }
        A = site.parameter("lora_A.weight", shape: [r, site.inputs], init: first)
        B = site.parameter("lora_B.weight", shape: [site.outputs, r], init: second, learningRateMultiplier: ratio)
        if method.start.isPartOfWeight {
            initial = (
                site.buffer("lora_A.initial", shape: [r, site.inputs], init: .graph),
                site.buffer("lora_B.initial", shape: [site.outputs, r], init: .graph)
            )
        } else {
            initial = nil
        }
        let bound = 1 / Double(r).squareRoot()
        bias =
            method.lora_bias
            ? site.parameter(
                "lora_B.bias", shape: [site.outputs],
                init: method.start == .random ? .uniform(low: -bound, high: bound) : .zeros,
                learningRateMultiplier: ratio) : nil
        magnitude =
            method.use_dora
            ? site.parameter(
                "lora_magnitude_vector", shape: [site.outputs], init: .graph, learningRateMultiplier: ratio) : nil
        self.site = site
        scale = method.scale
        begin(method)
    }

    /// The init graph, where there is something to compute.
    private func begin(_ method: LoRA) {
        let computed = method.firstValues(at: site)
        guard computed != nil || magnitude != nil else { return }
        site.initialize {
            let values = computed?() ?? (A: A, B: B)
            if computed != nil {
                for (parameter, value) in [(A, values.A), (B, values.B)] { site.set(parameter, to: value) }
            }
            if let initial {
                for (buffer, value) in [(initial.A, values.A), (initial.B, values.B)] { site.set(buffer, to: value) }
            }
            // What A and B take from W they give back.
            if let magnitude {
                site.set(magnitude, to: initial == nil ? lengths(values.A, values.B) : site.rowNorms)
            }
        }
    }

    /// The frozen layer, less s B₀ A₀.
    func residual(_ v: Value) -> Value {
        guard let initial else { return site.base(v) }
        return site.base(v) - scale * v.matmul(initial.A.T).matmul(initial.B.T)
    }

    /// Of the rows of W + s (B A − B₀ A₀): (out).
    func lengths() -> Value {
        guard let initial else { return lengths(A, B) }
        return lengths(Value.concat([A, initial.A], axis: 0), Value.concat([B, -initial.B], axis: 1))
    }

    /// ‖w + s (B A)ᵢ‖ for each row, without the product: ‖w‖² + 2 s Σₖ Bᵢₖ (W A)ₖ + s² Σₖ Bᵢₖ (B A Aᵀ)ᵢₖ.
    private func lengths(_ A: Value, _ B: Value) -> Value {
        let WA = (site.hasBias ? site.base(A) - site.bias : site.base(A)).T
        let cross = (B * WA).sum(1)
        let square = (B * B.matmul(A.matmul(A.T))).sum(1)
        return (site.rowNorms * site.rowNorms + 2 * scale * cross + scale * scale * square).sqrt()
    }
}

extension LoRA {
    var start: Start { Start(rawValue: init_lora_weights) ?? .standard }

    /// What an init graph computes for A and B; nil where their initializers say all.
    func firstValues(at site: LinearSite) -> (() -> (A: Value, B: Value))? {
        let most = min(site.inputs, site.outputs)
        switch start {
        case .standard, .random, .gaussian: return nil
        case .orthogonal:
            if r % 2 != 0 { site.fail("init_lora_weights=orthogonal needs an even rank, not \(r)") }
            return { orthogonal(site) }
        case .pissa, .olora, .loftq:
            if r > most { site.fail("init_lora_weights=\(init_lora_weights): r is \(r), but the layer has \(most)") }
            return {
                switch start {
                case .pissa: principal(site.weight)
                case .loftq: lost(site)
                default: triangular(site.weight)
                }
            }
        }
    }

    private func orthogonal(_ site: LinearSite) -> (A: Value, B: Value) {
        let Q = Value.normal(shape: [r, r]).qr().q.reshape([r / 2, 2, r])
        let (odd, even) = (Q.slice(axis: 1, 0..<1), Q.slice(axis: 1, 1..<2))
        let A = Value.normal(shape: [site.inputs, r / 2]).matmul(odd.reshape([r / 2, r]))
        let B = Value.normal(shape: [site.outputs, r / 2]).matmul(even.reshape([r / 2, r]))
        return ((A / 10).T, B / 10)
    }

    /// A and B with s B A the best approximation of M (out, in) of rank r.
    private func principal(_ M: Value) -> (A: Value, B: Value) {
        let (U, S, Vt) = M.svd()
        let root = (S.slice(axis: 0, 0..<r) / scale).sqrt()
        return (root.reshape([r, 1]) * Vt.slice(axis: 0, 0..<r), U.slice(axis: 1, 0..<r) * root)
    }

    /// Where nothing was lost, because the host has not quantised the base, as `standard`.
    private func lost(_ site: LinearSite) -> (A: Value, B: Value) {
        let M = site.originalWeight - site.weight
        let (A, B) = principal(M)
        let bound = 1 / Double(site.inputs).squareRoot()
        let isLost = Value.scalar(0).isLess(than: (M * M).sum())
        return (isLost.select(A, else: Value.uniform(-bound, bound, shape: [r, site.inputs])), B)
    }

    private func triangular(_ M: Value) -> (A: Value, B: Value) {
        let (Q, R) = M.qr()
        return (R.slice(axis: 0, 0..<r), Q.slice(axis: 1, 0..<r))
    }
}
