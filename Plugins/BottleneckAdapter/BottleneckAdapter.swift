import CPeftPlugin
import PluginAPI

/// Bottleneck adapters: a small network behind an attention or MLP, whose output h joins the residual stream r,
///
///     h + s · (U f(D z + b_d) + b_u)        D (b, hidden), U (hidden, b), b = hidden / reduction_factor
///
/// where z is h behind both branches (`double_seq_bn`, Houlsby et al. 2019), h + r behind the MLP (`seq_bn`, Pfeiffer et al.
/// 2021), or r beside the MLP (`par_bn`, He et al. 2022). z and what is added may go through layer norms of their own.
struct BottleneckAdapter: Method {
    static let id = "BottleneckAdapter"
    static let peftType = "BOTTLENECK"
    static let version = "1.0.0"
    static let summary = "small networks behind attentions and MLPs"
    static let paper = "Houlsby et al. 2019, arXiv:1902.00751"
    static let defaultLearningRate = 1e-3
    static let siteKinds: [SiteKind] = [.block]

    @Hyperparameter("which form", choices: ["double_seq_bn", "seq_bn", "par_bn"]) var config = "seq_bn"
    @Hyperparameter(
        "f; null: swish in double_seq_bn, else relu",
        choices: ["relu", "swish", "gelu", "gelu_new", "tanh", "sigmoid", "leakyrelu"])
    var non_linearity: String? = nil
    @Hyperparameter("hidden size over the bottleneck's; null: 2 in par_bn, else 16", range: 1e-3...1e6, perSite: true)
    var reduction_factor: Double? = nil
    @Hyperparameter(
        "s: a number, learned (one a place), or channel (learned, one a number of h); null: 4 in par_bn, else 1")
    var scaling: String? = nil
    @Hyperparameter(
        "first values; null: mam_adapter in par_bn, else bert", choices: ["bert", "mam_adapter", "houlsby"])
    var init_weights: String? = nil
    @Hyperparameter("layers without an adapter", range: 0...65536) var leave_out: [Int] = []
    @Hyperparameter("dropout on the adapter's output", range: 0...0.99) var dropout = 0.0
    @Hyperparameter("a trained layer norm before D") var ln_before = false
    @Hyperparameter("a trained layer norm of what is added to h") var ln_after = false

    func plan(_ plan: Plan) {
        let layers = plan.model.layers
        for layer in leave_out where layer >= layers {
            plan.fail("leave_out names layer \(layer), and the model has \(layers), counted from 0")
        }
        if let scaling, !["learned", "channel"].contains(scaling), Double(scaling)?.isFinite != true {
            plan.fail("scaling is \(scaling): a number, learned or channel")
        }
        for site in plan.sites where !leave_out.contains(site.layer) && (site.role == .mlp || isDouble) {
            plan.take(site)
        }
    }

    func inject(into site: BlockSite) {
        let hidden = site.hiddenSize
        let inner = max(1, Int(Double(hidden) / (reduction_factor ?? (isParallel ? 2 : 16))))
        let name = name(site)
        let start = init_weights ?? (isParallel ? "mam_adapter" : "bert")
        let (down, up): (Initializer, Initializer) =
            switch start {
            case "mam_adapter": (.linearWeight, .zeros)
            case "houlsby": (.graph, .graph)
            default: (.normal(deviation: 0.02), .normal(deviation: 0.02))
            }
        let D = site.parameter("\(name).adapter_down.weight", shape: [inner, hidden], init: down)
        let downBias = site.parameter("\(name).adapter_down.bias", shape: [inner], init: .zeros)
        let U = site.parameter("\(name).adapter_up.weight", shape: [hidden, inner], init: up)
        let upBias = site.parameter("\(name).adapter_up.bias", shape: [hidden], init: .zeros)
        if start == "houlsby" {
            site.initialize { for weight in [D, U] { site.set(weight, to: truncatedNormal(weight.shape)) } }
        }
        let (before, after) = (ln_before ? norm("before", site) : nil, ln_after ? norm("after", site) : nil)
        let scale = scale(site)
        site.forward { output, residual in
            let seen = isDouble ? output : isParallel ? residual : output + residual
            let input = before.map { $0(seen) } ?? seen
            let update = activation(input.matmul(D.T) + downBias).matmul(U.T) + upBias
            let added = (scale.value * update).dropout(dropout)
            return output + (after.map { $0(added) } ?? added)
        }
        site.refuseMerge(because: "it is not linear")
    }

    private func name(_ site: BlockSite) -> String { site.role == .mlp ? "output_adapter" : "attention_adapter" }

    private func norm(_ place: String, _ site: BlockSite) -> (Value) -> Value {
        let name = "\(name(site)).adapter_norm_\(place)"
        let weight = site.parameter("\(name).weight", shape: [site.hiddenSize], init: .ones)
        let bias = site.parameter("\(name).bias", shape: [site.hiddenSize], init: .zeros)
        return { $0.layerNorm(weight: weight, bias: bias) }
    }

    private func scale(_ site: BlockSite) -> any Operand {
        guard let scaling else { return isParallel ? 4.0 : 1.0 }
        if let number = Double(scaling) { return number }
        let count = scaling == "channel" ? site.hiddenSize : 1
        return site.parameter("\(name(site)).scaling", shape: [count], init: .ones)
    }

    private var isDouble: Bool { config == "double_seq_bn" }
    private var isParallel: Bool { config == "par_bn" }

    private func activation(_ x: Value) -> Value {
        switch non_linearity ?? (isDouble ? "swish" : "relu") {
        case "swish": x.silu()
        case "gelu": x.gelu()
        case "gelu_new": x.geluTanh()
        case "tanh": x.tanh()
        case "sigmoid": x.sigmoid()
        case "leakyrelu": x.maximum(0.01 * x)
        default: x.relu()
        }
    }

    /// N(0, 0.01²) inside ±0.02: what lies outside is drawn again, after eight times (one in 10¹¹) put to 0.
    private func truncatedNormal(_ shape: [Int]) -> Value {
        (0..<8).reduce(0.0.value) { others, _ in
            let draw = Value.normal(deviation: 0.01, shape: shape)
            return draw.abs().isAtMost(0.02).select(draw, else: others)
        }
    }
}

@c @implementation
public func peft_plugin_entry(_ host: UnsafePointer<peft_host>!) -> UnsafePointer<peft_plugin>! {
    plugin(BottleneckAdapter.self, host)
}
