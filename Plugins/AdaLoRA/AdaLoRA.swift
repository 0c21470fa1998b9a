import CPeftPlugin
import Glibc
import PluginAPI

/// Adaptive budget allocation (Zhang et al. 2023): an update in the form of a singular value decomposition, whose triplets
/// (a row of A, an entry of E, a column of B) compete for a budget that falls while it trains,
///
///     y = W x + b + s · B (A ∘ E) · dropout(x)      A (r, in), E (r, 1), B (out, r), s = alpha / init_r
///
/// E starts at zero, so the model starts unchanged.
struct AdaLoRA: Method {
    static let id = "AdaLoRA"
    static let peftType = "ADALORA"
    static let version = "1.0.0"
    static let summary = "low-rank update whose ranks are allocated while it trains"
    static let paper = "Zhang et al. 2023, arXiv:2303.10512"
    static let defaultLearningRate = 2e-3
    static let capabilities: Capabilities = [.merge, .identityAtInit]
    static let defaultTargets: [Role] = [.query, .value]

    @Hyperparameter("rank of every update at first", range: 1...65536) var init_r = 12
    @Hyperparameter("mean rank at the end, which may be a fraction", range: 0...65536) var target_r = 8.0
    @Hyperparameter("steps before the budget falls", range: 0...(.max)) var tinit = 0
    @Hyperparameter("steps at the end with fixed ranks", range: 0...(.max)) var tfinal = 0
    @Hyperparameter("steps between two allocations", range: 1...(.max)) var deltaT = 1
    @Hyperparameter("smoothing of the importance", range: 0...1) var beta1 = 0.85
    @Hyperparameter("smoothing of its uncertainty", range: 0...1) var beta2 = 0.85
    @Hyperparameter("weight of the orthogonality regularizer", range: 0...(.infinity)) var orth_reg_weight = 0.5
    @Hyperparameter("numerator of the scale alpha / init_r; 0: init_r") var lora_alpha = 8.0
    @Hyperparameter("dropout on the adapter's input", range: 0...0.99) var lora_dropout = 0.0
    @Hyperparameter("optimizer steps of the whole run", range: 1...(.max), derived: true) var total_step: Int
    @Hyperparameter("not used: peft's configuration has it") var r = 8
    @Hyperparameter("rank of a module that was pruned; a stored rank_pattern sets it", range: 0...65536, perSite: true)
    var kept_r: Int? = nil

    func plan(_ plan: Plan) {
        plan.takeAll()
        _ = plan.buffer("finished", shape: [], init: .zeros)
        if tinit >= total_step - tfinal {
            plan.fail(
                "tinit \(tinit) and tfinal \(tfinal) leave no step of total_step \(total_step) to allocate ranks in")
        }
        for (name, beta) in [("beta1", beta1), ("beta2", beta2)] where beta <= 0 || beta >= 1 {
            plan.fail("\(name) \(beta) is not between 0 and 1")
        }
        if target_r > Double(init_r) { plan.fail("target_r \(target_r) is more than init_r \(init_r)") }
    }

    func inject(into site: LinearSite) {
        let rank = kept_r ?? init_r
        let A = site.parameter("lora_A", shape: [rank, site.inputs], init: .normal(deviation: 0.02))
        let B = site.parameter("lora_B", shape: [site.outputs, rank], init: .normal(deviation: 0.02))
        let E = site.parameter("lora_E", shape: [rank, 1], init: .zeros)
        for average in ["importance", "uncertainty"] {
            _ = site.buffer(average, shape: [rank * (site.inputs + site.outputs + 1)], init: .zeros)
        }
        _ = site.buffer("kept", shape: [rank], init: .ones)
        let scale = (lora_alpha > 0 ? lora_alpha : Double(init_r)) / (Double(init_r) + 1e-5)
        site.forward { x in site.base(x) + scale * x.dropout(lora_dropout).matmul((A * E).T).matmul(B.T) }
        site.merge { W, b in (W + scale * B.matmul(A * E), b) }
    }

    func finish(_ method: MethodGraphs) {
        let updates = method.sites.map { Update(method, $0) }
        guard !updates.isEmpty else { return }
        method.regularizer {
            // ‖A Aᵀ − I‖ and ‖Bᵀ B − I‖, the mean over all matrices.
            let norms = updates.flatMap { [distance($0.A.matmul($0.A.T)), distance($0.B.T.matmul($0.B))] }
            return orth_reg_weight / Double(norms.count) * norms.dropFirst().reduce(norms[0], +)
        }
        if updates.contains(where: { $0.rank > 0 }) { method.update { allocate(method, updates) } }
        method.export { export($0, updates, finished: method.methodParameter("finished")) }
    }

    /// The Frobenius norm of G − I, whose gradient is 0 where it is 0.
    private func distance(_ G: Value) -> Value {
        let places = Value.iota(G.shape[0])
        let difference = G - places.reshape([G.shape[0], 1]).equals(places)
        return (difference * difference).sum().maximum(1e-30).sqrt()
    }

    /// Moves the averages, and at its steps drops the triplets beyond the budget, which falls from `init_r` to `target_r` a
    /// matrix as the cube of the steps that are left.
    private func allocate(_ method: MethodGraphs, _ updates: [Update]) {
        let (first, end) = (Double(tinit), Double(total_step - tfinal))
        let isBefore = Value.step.isLess(than: end)
        var scores: [Value] = []
        for update in updates {
            let I = (update.flat(update.parameters) * update.flat(update.parameters.map(method.gradient))).abs()
            let importance = beta1 * update.importance + (1 - beta1) * I
            let uncertainty = beta2 * update.uncertainty + (1 - beta2) * (I - importance).abs()
            method.set(update.importance, to: isBefore.select(importance, else: 0))
            method.set(update.uncertainty, to: isBefore.select(uncertainty, else: 0))
            scores.append(
                update.score(
                    isBefore.select(importance, else: update.importance)
                        * isBefore.select(uncertainty, else: update.uncertainty)))
        }
        let drops = steps(ofDropsFrom: updates.reduce(0) { $0 + $1.rank }, matrices: updates.count)
        let dropped = drops.isAtMost(Value.step).sum()
        let threshold = Value.concat(scores, axis: 0).kthValue(dropped)
        let isDue =
            Value.scalar(first).isLess(than: Value.step)
            * isBefore.select(Value.step.mod(deltaT).equals(0), else: Value.step.equals(end))
        for (update, score) in zip(updates, scores) {
            let isKept = dropped.isLess(than: 1).maximum(threshold.isLess(than: score))
            let kept = isDue.select(isKept, else: update.kept)
            method.set(update.kept, to: kept)
            let isMasked = isDue.maximum(Value.scalar(end).isLess(than: Value.step))
            let mask = isMasked.select(kept, else: 1).reshape([update.rank, 1])
            method.set(update.E, to: mask.select(update.E, else: 0))
        }
        method.set(
            method.methodParameter("finished"), to: Value.scalar(Double(total_step - 1)).isAtMost(Value.step))
    }

    /// The step at which the first triplet falls out of the budget, the second, and so on: the cubic schedule in float64,
    /// which a step's float32 arithmetic would sometimes round to the other side of a whole number.
    private func steps(ofDropsFrom total: Int, matrices: Int) -> Value {
        let (first, end) = (tinit, total_step - tfinal)
        let target = target_r * Double(matrices)
        func budget(_ step: Int) -> Int {
            let left = 1 - Double(step - first) / Double(end - first)
            return Int((Double(total) - target) * pow(left, 3) + target)
        }
        let steps = (0..<max(0, total - Int(target))).map { dropped -> Double in
            var (low, high) = (first + 1, end)
            while low < high {
                let middle = low + (high - low) / 2
                if budget(middle) < total - dropped { high = middle } else { low = middle + 1 }
            }
            return Double(low)
        }
        let largest = 1 << 16
        let parts = stride(from: 0, to: max(steps.count, 1), by: largest).map { start in
            let part = steps.isEmpty ? [Double(end) + 1] : Array(steps[start..<min(start + largest, steps.count)])
            return Value.constant(part, shape: [part.count])
        }
        return Value.concat(parts, axis: 0)
    }

    /// At the end the last allocation is kept; before it everything that has an effect.
    private func export(_ export: Export, _ updates: [Update], finished: Value) {
        export.loraOptionsOff()
        export.fields(["lora_bias", "use_dora", "use_rslora"], json: "false")
        export.fields(["kept_r", "kept_r_pattern"], json: nil)
        export.field("alpha_pattern", json: "{}")
        export.field("bias", json: "\"none\"")
        export.field("init_lora_weights", json: "true")
        export.field("rank_pattern", json: "null")
        // peft would take a pruned layer's own rank for 0.
        if lora_alpha <= 0 { export.field("lora_alpha", json: "\(init_r)") }
        export.field("target_r", json: Int(exactly: target_r).map(\.description) ?? target_r.description)
        for update in updates {
            let (module, pattern) = ("base_model.model.\(update.name)", "rank_pattern/\(update.name).lora_E")
            let tensors = [("lora_A", update.A, 0), ("lora_B", update.B, 1), ("lora_E", update.E, 0)]
            guard update.rank == init_r else {
                // What was pruned when it was read stays as it was read.
                for (name, value, _) in tensors { export.tensor("\(module).\(name)", value) }
                let kept = (0..<init_r).map { $0 < update.rank ? "true" : "false" }
                export.field(pattern, json: "[\(kept.joined(separator: ", "))]")
                continue
            }
            let hasEffect = 1 - update.E.reshape([update.rank]).equals(0)
            let kept = finished.select(update.kept, else: hasEffect)
            for (name, value, axis) in tensors { export.tensor("\(module).\(name)", value, axis: axis, where: kept) }
            export.field(pattern, from: kept, asBoolean: true)
        }
    }

    /// `rank_pattern`: for each module which of its triplets are there, or how many.
    func importConfig(_ config: Config) {
        guard config.kind("rank_pattern") == .object else { return }
        for key in config.keys("rank_pattern") {
            let path = "rank_pattern/\(key)"
            let kept =
                config.kind(path) == .list
                ? (0..<config.count(path)).count { config.boolean("\(path)/\($0)") } : config.integer(path)
            let names = key.split(separator: ".")
            let module = names.last == "lora_E" ? names.dropLast() : names[...]
            config.set("kept_r", at: module.joined(separator: "\\."), to: Double(kept))
        }
    }
}

/// The update of one module, with what is remembered of it.
private struct Update {
    let name: String
    let A, B, E, importance, uncertainty, kept: Value
    let rank, inputs, outputs: Int
    var parameters: [Value] { [A, B, E] }

    init(_ method: MethodGraphs, _ site: SiteInfo) {
        name = site.name
        A = method.parameter("lora_A", of: site)
        B = method.parameter("lora_B", of: site)
        E = method.parameter("lora_E", of: site)
        importance = method.parameter("importance", of: site)
        uncertainty = method.parameter("uncertainty", of: site)
        kept = method.parameter("kept", of: site)
        (rank, inputs, outputs) = (A.shape[0], site.inputs, site.outputs)
    }

    /// Values of the shapes of A, B and E behind each other, as the averages are.
    func flat(_ values: [Value]) -> Value {
        let sizes = [rank * inputs, outputs * rank, rank]
        return Value.concat(zip(values, sizes).map { $0.reshape([$1]) }, axis: 0)
    }

    /// One score a triplet: that of its entry of E, and the means over its row of A and its column of B.
    func score(_ s: Value) -> Value {
        let (a, b) = (rank * inputs, rank * (inputs + outputs))
        let ofA = s.slice(axis: 0, 0..<a).reshape([rank, inputs]).mean(1)
        let ofB = s.slice(axis: 0, a..<b).reshape([outputs, rank]).mean(0)
        return s.slice(axis: 0, b..<b + rank) + (ofA + ofB)
    }
}

@c @implementation
public func peft_plugin_entry(_ host: UnsafePointer<peft_host>!) -> UnsafePointer<peft_plugin>! {
    plugin(AdaLoRA.self, host)
}
