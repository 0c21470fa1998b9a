import CPeftPlugin
import PluginAPI

/// Low-rank adaptation (Hu et al. 2021): a frozen layer plus a product of two thin matrices,
///
///     y = W x + b + s · B A · dropout(x)        A (r, in), B (out, r), s = alpha / r
///
/// With `use_rslora`, s = alpha / √r (Kalajdzievski 2023, arXiv:2312.03732).
/// B starts at zero, so the model starts unchanged.
struct LoRA: Method {
    static let id = "LoRA"
    static let peftType = "LORA"
    static let version = "1.0.0"
    static let summary = "low-rank update of linear layers"
    static let paper = "Hu et al. 2021, arXiv:2106.09685"
    static let defaultLearningRate = 1e-3
    static let capabilities: Capabilities = [.merge, .identityAtInit]
    static let defaultTargets: [Role] = [.query, .value]

    @Hyperparameter("rank of the update", range: 1...65536, pattern: "rank_pattern") var r = 8
    @Hyperparameter("numerator of the scale alpha / r", pattern: "alpha_pattern") var lora_alpha = 8.0
    @Hyperparameter("dropout on the adapter's input", range: 0...0.99) var lora_dropout = 0.0
    @Hyperparameter("scale by alpha / √r instead of alpha / r") var use_rslora = false

    func inject(into site: LinearSite) {
        let A = site.parameter("lora_A.weight", shape: [r, site.inputs], init: .kaimingUniform(a: 5.0.squareRoot()))
        let B = site.parameter("lora_B.weight", shape: [site.outputs, r], init: .zeros)
        let scale = lora_alpha / (use_rslora ? Double(r).squareRoot() : Double(r))
        site.forward { x in site.base(x) + scale * x.dropout(lora_dropout).matmul(A.T).matmul(B.T) }
        site.merge { W, b in (W + scale * B.matmul(A), b) }
    }

    /// What peft 0.21 writes of its other options: all off.
    func finish(_ method: MethodGraphs) {
        method.export { config in
            for name in [
                "alora_invocation_tokens", "arrow_config", "corda_config", "eva_config", "kasa_config",
                "layer_replication", "lora_ga_config", "megatron_config", "monteclora_config", "target_parameters",
                "trainable_token_indices", "use_bdlora", "velora_config",
            ] {
                config.field(name, json: "null")
            }
            for name in ["ensure_weight_tying", "fan_in_fan_out", "lora_bias", "use_dora", "use_qalora"] {
                config.field(name, json: "false")
            }
            config.field("bias", json: "\"none\"")
            config.field("init_lora_weights", json: "true")
            config.field("loftq_config", json: "{}")
            config.field("megatron_core", json: "\"megatron.core\"")
            config.field("qalora_group_size", json: "16")
        }
    }
}

@c @implementation
public func peft_plugin_entry(_ host: UnsafePointer<peft_host>!) -> UnsafePointer<peft_plugin>! {
    plugin(LoRA.self, host)
}
