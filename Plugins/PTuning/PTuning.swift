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
    static let defaultLearningRate = 1e-3
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

    /// A tensor of the encoder, declared or looked up: its name and shape are torch's.
    private typealias Tensors = (_ name: String, _ shape: [Int], _ initializer: Initializer) -> Value

    private static let prefix = "prompt_encoder.default."

    func plan(_ plan: Plan) {
        if has_encoder, !isLSTM, encoder_num_layers != 2 || encoder_dropout > 0 {
            plan.warn("an MLP has two inner layers and no dropout: encoder_num_layers and encoder_dropout say nothing")
        }
        plan.takeAll()
    }

    func inject(into site: PromptSite) {
        site.forward {
            guard has_encoder else {
                return site.parameter(
                    "prompt_embeddings", shape: [num_virtual_tokens, site.hiddenSize], init: .normal(deviation: 1))
            }
            return prompt(site.model, dropout: encoder_dropout) { name, shape, initializer in
                site.parameter(Self.prefix + name, shape: shape, init: initializer, options: .sidecar)
            }
        }
        site.refuseMerge(because: "it puts tokens in front of every row, which no weight of the base does")
    }

    /// The virtual tokens (n, hidden): the embeddings, an LSTM behind them where there is one, and linear layers with ReLU
    /// between them.
    private func prompt(_ model: Model, dropout: Double, _ tensors: Tensors) -> Value {
        let (size, e) = (model.hiddenSize, inner(model))
        var x = tensors("embedding.weight", [num_virtual_tokens, size], .normal(deviation: 1))
        for layer in 0..<(isLSTM ? encoder_num_layers : 0) {
            if layer > 0, dropout > 0 { x = x.dropout(dropout) }
            let passes = ["l\(layer)", "l\(layer)_reverse"].enumerated().map { direction, name in
                pass(over: x, layer == 0 ? size : 2 * e, e, isReversed: direction == 1) {
                    tensors("lstm_head.\($0)_\(name)", $1, $2)
                }
            }
            x = .concat(passes, axis: 1)
        }
        let sizes = isLSTM ? [2 * e, 2 * e, size] : [size, e, e, size]
        for (place, width) in zip(sizes, sizes.dropFirst()).enumerated() {
            let first = uniform(width.0)
            if place > 0 { x = x.relu() }
            x = x.matmul(tensors("mlp_head.\(2 * place).weight", [width.1, width.0], first).T)
            x = x + tensors("mlp_head.\(2 * place).bias", [width.1], first)
        }
        return x
    }

    /// One direction of an LSTM layer (Hochreiter, Schmidhuber 1997) from a state of zeros:
    ///
    ///     [i f g o] = W_ih x + b_ih + W_hh h + b_hh
    ///     c = σ(f) c + σ(i) tanh(g),  h = σ(o) tanh(c)
    ///
    /// x (n, in) → every h (n, e), in the order of x.
    private func pass(over x: Value, _ inputs: Int, _ e: Int, isReversed: Bool, _ tensors: Tensors) -> Value {
        let first = uniform(e)
        let recurrent = tensors("weight_hh", [4 * e, e], first)
        let bias = tensors("bias_ih", [4 * e], first) + tensors("bias_hh", [4 * e], first)
        let fromInputs = x.matmul(tensors("weight_ih", [4 * e, inputs], first).T) + bias
        var h = Value.constant(Array(repeating: 0, count: e), shape: [1, e])
        var c = h
        var states: [Value] = []
        for step in 0..<num_virtual_tokens {
            let place = isReversed ? num_virtual_tokens - 1 - step : step
            let gates = fromInputs.slice(axis: 0, place..<place + 1) + h.matmul(recurrent.T)
            let parts = (0..<4).map { gates.slice(axis: 1, $0 * e..<($0 + 1) * e) }
            c = parts[1].sigmoid() * c + parts[0].sigmoid() * parts[2].tanh()
            h = parts[3].sigmoid() * c.tanh()
            states.append(h)
        }
        return .concat(isReversed ? states.reversed() : states, axis: 0)
    }

    /// U(±1/√inputs), as torch begins its linear and recurrent layers.
    private func uniform(_ inputs: Int) -> Initializer {
        let bound = 1 / Double(inputs).squareRoot()
        return .uniform(low: -bound, high: bound)
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
            export.field("num_attention_heads", json: "\(model.heads)")
            export.field("num_layers", json: "\(model.layers)")
            export.field("num_transformer_submodules", json: "1")
            export.field("token_dim", json: "\(model.hiddenSize)")
        }
    }

    /// Without the encoder's tensors what it made stands for it. The sizes that peft writes are the base's and the tensor's.
    func importConfig(_ config: Config) {
        config.set("has_encoder", to: config.hasTensor(Self.prefix + "embedding.weight"))
        for field in ["num_attention_heads", "num_layers", "num_transformer_submodules", "token_dim"] {
            _ = config.kind(field)
        }
    }
}

@c @implementation
public func peft_plugin_entry(_ host: UnsafePointer<peft_host>!) -> UnsafePointer<peft_plugin>! {
    plugin(PTuning.self, host)
}
