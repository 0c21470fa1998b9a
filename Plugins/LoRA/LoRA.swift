import CPeftPlugin
import PluginAPI

/// Low-rank adaptation (Hu et al. 2021): a frozen layer plus a product of two thin matrices,
///
///     y = W x + b + (alpha / r) · B A · dropout(x)        A (r, in), B (out, r)
///
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

    func inject(into site: LinearSite) {
        let A = site.parameter("lora_A.weight", shape: [r, site.inputs], init: .kaimingUniform(a: 5.0.squareRoot()))
        let B = site.parameter("lora_B.weight", shape: [site.outputs, r], init: .zeros)
        let scale = lora_alpha / Double(r)
        site.forward { x in site.base(x) + scale * x.dropout(lora_dropout).matmul(A.T).matmul(B.T) }
        site.merge { W, b in (W + scale * B.matmul(A), b) }
    }
}

@c @implementation
public func peft_plugin_entry(_ host: UnsafePointer<peft_host>!) -> UnsafePointer<peft_plugin>! {
    plugin(LoRA.self, host)
}
