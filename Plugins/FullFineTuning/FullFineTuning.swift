import CPeftPlugin
import PluginAPI

/// Trains tensors of the base themselves: the baseline that other methods are compared with.
///
///     y = f(x; W)        W, a copy of the base's, trains
///
/// All of them, the biases alone (BitFit, Ben Zaken et al. 2022), the norms alone (Zhao et al. 2023, arXiv:2312.11420), or the
/// last blocks with the norm behind them. The base's file stays as it is. Norms are kept as peft keeps them, LN_TUNING.
struct FullFineTuning: Method {
    static let id = "FullFineTuning"
    static let peftType = "FULL_FINE_TUNING+LN_TUNING"
    static let version = "1.0.0"
    static let summary = "the base's own weights, biases, norms or last layers"
    static let paper = "BitFit: Ben Zaken et al. 2022, arXiv:2106.10199"
    static let defaultLearningRate = 2e-5
    static let capabilities: Capabilities = [.merge, .identityAtInit]
    static let siteKinds: [SiteKind] = [.weight]

    @Hyperparameter("which tensors train", choices: ["all", "bitfit", "norm", "last_layers"]) var mode = "all"
    @Hyperparameter("last_layers: how many blocks, from the end", range: 1...4096) var layers: Int? = nil

    func plan(_ plan: Plan) {
        let depth = plan.model.layers
        switch (mode, layers) {
        case ("last_layers", nil): return plan.fail("mode=last_layers needs layers, how many blocks train")
        case ("last_layers", let count?) where count > depth:
            return plan.fail("layers is \(count), but the model has \(depth)")
        case ("last_layers", _), (_, nil): break
        default: return plan.fail("layers counts with mode=last_layers only, not with mode=\(mode)")
        }
        let chosen = plan.sites.filter { isTrained($0, plan.model) }
        if chosen.isEmpty { plan.fail("mode=\(mode): the base has no tensor of that kind") }
        for site in chosen { plan.take(site) }
    }

    private func isTrained(_ site: SiteInfo, _ model: Model) -> Bool {
        // A classifier does not use the head of the language model.
        guard site.role != .head || model.task == "CAUSAL_LM" else { return false }
        return switch mode {
        case "bitfit": site.role == .bias
        case "norm": site.role == .norm
        case "last_layers": site.layer >= model.layers - (layers ?? 0) || site.layer < 0 && site.role == .norm
        default: true
        }
    }

    func inject(into site: WeightSite) {
        site.train(as: mode == "norm" ? "ln_tuning_layers.weight" : "weight")
    }

    func finish(_ method: MethodGraphs) {
        guard mode == "norm" else { return }
        method.export { config in
            config.field("peft_type", json: "\"LN_TUNING\"")
            for name in ["mode", "layers", "layers_to_transform", "layers_pattern"] { config.field(name, json: nil) }
        }
    }

    func importConfig(_ config: Config) {
        guard config.kind("peft_type") == .string, config.string("peft_type") == "LN_TUNING" else { return }
        config.set("mode", to: "norm")
    }
}

@c @implementation
public func peft_plugin_entry(_ host: UnsafePointer<peft_host>!) -> UnsafePointer<peft_plugin>! {
    plugin(FullFineTuning.self, host)
}
