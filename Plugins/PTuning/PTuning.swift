import CPeftPlugin
import PluginAPI

/// P-tuning (Liu et al. 2021): a small encoder makes the virtual tokens in front of every row out of trained embeddings,
///
///     x = [encoder(P₀); E(ids)]        P₀ (n, hidden)
///
/// and is trained with them. Once trained, what it makes is all that is needed.
struct PTuning: Method {
    static let id = "PTuning"
    static let peftType = "P_TUNING"
    static let version = "1.0.0"
    static let summary = "virtual tokens from a trained encoder in front of every row"
    static let paper = "Liu et al. 2021, arXiv:2103.10385"
    static let defaultLearningRate = 5e-4
    static let siteKinds: [SiteKind] = [.prompt]

    @Hyperparameter("virtual tokens in front of every row", range: 1...65536) var num_virtual_tokens: Int
    @Hyperparameter("the encoder", choices: ["MLP", "LSTM"]) var encoder_reparameterization_type = "MLP"
    @Hyperparameter("inner size of the encoder, e; null: the model's hidden size", range: 1...65536)
    var encoder_hidden_size: Int? = nil
    @Hyperparameter("layers of the LSTM; an MLP always has two inner ones", range: 1...64) var encoder_num_layers = 2
    @Hyperparameter("dropout between the layers of the LSTM", range: 0...0.99) var encoder_dropout = 0.0
    @Hyperparameter("false: the prompt alone, which is all that an adapter holds; set when one is read")
    var has_encoder = true

    private var isLSTM: Bool { encoder_reparameterization_type == "LSTM" }
    private func inner(_ model: Model) -> Int { encoder_hidden_size ?? model.hiddenSize }

    private static let prefix = "prompt_encoder.default."

    func plan(_ plan: Plan) {
        if has_encoder, !isLSTM, encoder_num_layers != 2 || encoder_dropout > 0 {
            plan.warn("an MLP has two inner layers and no dropout: encoder_num_layers and encoder_dropout say nothing")
        }
        let longest = Value.longestSequence(lstmLayers: encoder_num_layers)
        if has_encoder, isLSTM, num_virtual_tokens > longest {
            plan.fail(
                "num_virtual_tokens is \(num_virtual_tokens); an LSTM of encoder_num_layers=\(encoder_num_layers) is "
                    + "unrolled over at most \(longest): give fewer, or encoder_reparameterization_type=MLP")
        }
        plan.takeAll()
    }

    func inject(into site: PromptSite) {
        site.forward {
            guard has_encoder else {
                return site.parameter(
                    "prompt_embeddings", shape: [num_virtual_tokens, site.hiddenSize], init: .normal(deviation: 1))
            }
            return prompt(
                site.model, dropout: encoder_dropout, site.tensors(Self.prefix, options: .sidecar))
        }
        site.refuseMerge(because: "it puts tokens in front of every row, which no weight of the base does")
    }

    /// The virtual tokens (n, hidden): the embeddings, an LSTM behind them where there is one, and linear layers with ReLU
    /// between them.
    private func prompt(_ model: Model, dropout: Double, _ tensors: Tensors) -> Value {
        let (size, e) = (model.hiddenSize, inner(model))
        var x = tensors("embedding.weight", [num_virtual_tokens, size], .normal(deviation: 1))
        if isLSTM { x = x.lstm("lstm_head", size: e, layers: encoder_num_layers, dropout: dropout, tensors) }
        let widths = isLSTM ? [2 * e, size] : [e, e, size]
        for (place, width) in widths.enumerated() {
            if place > 0 { x = x.relu() }
            x = x.linear("mlp_head.\(2 * place)", to: width, tensors)
        }
        return x
    }

    /// The prompt is stored, the encoder beside it; and what peft 0.21 writes beside the hyperparameters.
    func finish(_ method: MethodGraphs) {
        let model = method.model
        method.export { export in
            if has_encoder, let site = method.sites.first {
                let prompt = prompt(model, dropout: 0) { name, _, _ in
                    method.parameter(Self.prefix + name, of: site)
                }
                export.tensor("prompt_embeddings", prompt)
            }
            export.field("encoder_hidden_size", json: "\(inner(model))")
            export.field("has_encoder", json: nil)
            export.promptSizes(width: model.hiddenSize, heads: model.heads, model: model)
        }
    }

    /// Without the encoder's tensors what it made stands for it. The sizes that peft writes are the base's and the tensor's.
    func importConfig(_ config: Config) {
        config.set("has_encoder", to: config.hasTensor(Self.prefix + "embedding.weight"))
        config.skip(Config.promptSizes)
    }
}

@c @implementation
public func peft_plugin_entry(_ host: UnsafePointer<peft_host>!) -> UnsafePointer<peft_plugin>! {
    plugin(PTuning.self, host)
}
