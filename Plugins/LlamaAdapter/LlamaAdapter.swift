import CPeftPlugin
import PluginAPI

/// LLaMA-Adapter (Zhang et al. 2023): the top layers' attentions also look at a trained prompt, through a gate that starts
/// at zero,
///
///     out = Attention(x) + g · softmax(q kᵀ / √d) v        k = W_k P, v = W_v P, P (K, hidden)
///
/// before the output projection. The queries are turned by their positions, the prompt's keys are not. Where rows bring
/// features Z (K, F), of an image for instance, P = Z Cᵀ with a trained projection C (hidden, F) instead.
struct LlamaAdapter: Method {
    static let id = "LlamaAdapter"
    static let peftType = "ADAPTION_PROMPT"
    static let version = "1.0.0"
    static let summary = "a gated prompt in the attention of the top layers"
    static let paper = "Zhang et al. 2023, arXiv:2303.16199"
    static let defaultLearningRate = 5e-3
    static let capabilities: Capabilities = [.identityAtInit, .rowInputs, .noHead]
    static let siteKinds: [SiteKind] = [.attention]

    @Hyperparameter("virtual tokens of each prompt, K", range: 1...4096) var adapter_len: Int
    @Hyperparameter("how many layers, counted from the top", range: 1...4096) var adapter_layers: Int
    @Hyperparameter("size F of the rows' features; 0: a prompt instead", range: 0...65536, derived: true)
    var feature_size = 0

    func plan(_ plan: Plan) {
        let layers = plan.model.layers
        guard adapter_layers <= layers else {
            return plan.fail("adapter_layers is \(adapter_layers), and the model has \(layers) layers")
        }
        for site in plan.sites where site.layer >= layers - adapter_layers { plan.take(site) }
    }

    func inject(into site: AttentionSite) {
        let trained =
            feature_size > 0
            ? site.parameter(
                "adaption_projection.weight", shape: [site.hiddenSize, feature_size],
                init: .kaimingUniform(a: 5.0.squareRoot()))
            : site.parameter(
                "adaption_prompt", shape: [1, adapter_len, site.hiddenSize], init: .normal(deviation: 1))
        let gate = site.parameter("adaption_gate", shape: [1], init: .zeros)
        let heads = (feature_size > 0 ? [Value.rows] : []) + [adapter_len, site.keyHeads, site.headSize]
        site.forward { inputs in
            let prompt =
                feature_size > 0
                ? Value.rowInput("features", shape: [adapter_len, feature_size]).matmul(trained.T)
                : trained.reshape([adapter_len, site.hiddenSize])
            let keys = site.project(.key, prompt).reshape(heads)
            let values = site.project(.value, prompt).reshape(heads)
            return site.base(inputs) + gate * site.attend(inputs.q, keys: keys, values: values)
        }
        site.refuseMerge(because: "it adds to the attention, which no weight of the base does")
    }

    /// What peft 0.21 writes beside the hyperparameters; it knows no features.
    func finish(_ method: MethodGraphs) {
        method.export { config in
            config.field("target_modules", json: "\"self_attn\"")
            config.field("modules_to_save", json: nil)
            if feature_size == 0 { config.field("feature_size", json: nil) }
        }
    }
}

@c @implementation
public func peft_plugin_entry(_ host: UnsafePointer<peft_host>!) -> UnsafePointer<peft_plugin>! {
    plugin(LlamaAdapter.self, host)
}
