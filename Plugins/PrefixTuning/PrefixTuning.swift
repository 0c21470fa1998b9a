import CPeftPlugin
import PluginAPI

/// Prefix tuning (Li & Liang 2021): trained keys and values in front of every row, in every layer,
///
///     softmax(q [Kₗ; k]ᵀ / √d) [Vₗ; v]        Kₗ, Vₗ (n, g, d)
///
/// K and V are the columns 2l and 2l + 1, each g · d wide, of one matrix (n, 2 · layers · g · d): a trained table, or what a
/// network of two layers makes of one. The keys are not turned by positions; the row's own tokens begin at position n.
struct PrefixTuning: Method {
    static let id = "PrefixTuning"
    static let peftType = "PREFIX_TUNING"
    static let version = "1.0.0"
    static let summary = "trained keys and values in front of every row"
    static let paper = "Li & Liang 2021, arXiv:2101.00190"
    static let defaultLearningRate = 3e-3
    static let siteKinds: [SiteKind] = [.attention]

    @Hyperparameter("how many keys and values stand in front, n", range: 1...4096) var num_virtual_tokens: Int
    @Hyperparameter("train a network that computes them instead of the table") var prefix_projection = false
    @Hyperparameter("the network's inner size; null: key heads · head size", range: 1...65536)
    var encoder_hidden_size: Int? = nil
    @Hyperparameter("where the prefix begins; null: at random", choices: ["zero"]) var init_weights: String? = nil
    @Hyperparameter("begin at the keys and values that the frozen model computes for this text")
    var init_text: String? = nil

    func plan(_ plan: Plan) {
        plan.takeAll()
        let (n, sizes) = (num_virtual_tokens, Sizes(plan.model))
        let inner = encoder_hidden_size ?? sizes.line
        if init_text != nil, init_weights != nil { plan.fail("init_text and init_weights: give one of them") }
        if init_text != nil, prefix_projection, inner < 2 * n {
            plan.fail("with init_text encoder_hidden_size must be at least 2 · num_virtual_tokens, not \(inner)")
        }
        func parameter(_ name: String, _ shape: [Int], _ initializer: Initializer) -> Value {
            plan.parameter(
                Self.encoder + name, shape: shape, init: initializer, options: prefix_projection ? .sidecar : [])
        }
        let isText = init_text != nil
        let isZero = init_weights == "zero"
        guard prefix_projection else {
            let table = parameter(
                "embedding.weight", [n, sizes.all], isText ? .graph : isZero ? .zeros : .normal(deviation: 1))
            if isText { plan.initialize { plan.set(table, to: cache(plan)) } }
            return plan.prelude { [table] }
        }
        func bias(_ inputs: Int) -> Initializer {
            .uniform(low: -1 / Double(inputs).squareRoot(), high: 1 / Double(inputs).squareRoot())
        }
        let kaiming = Initializer.kaimingUniform(a: 5.0.squareRoot())
        let network = Network(
            table: parameter("embedding.weight", [n, sizes.line], .normal(deviation: 1)),
            W0: parameter("transform.0.weight", [inner, sizes.line], kaiming),
            b0: parameter("transform.0.bias", [inner], bias(sizes.line)),
            W2: parameter("transform.2.weight", [sizes.all, inner], isText ? .graph : isZero ? .zeros : kaiming),
            b2: parameter("transform.2.bias", [sizes.all], isText ? .graph : isZero ? .zeros : bias(inner)))
        if isText {
            plan.initialize {
                let target = cache(plan)
                let (middle, hidden) = (target.mean(0), network.hidden)
                // The smallest W2 with hidden · W2ᵀ + middle = target.
                let coefficients = hidden.matmul(hidden.T).solve(target - middle)
                plan.set(network.W2, to: coefficients.T.matmul(hidden))
                plan.set(network.b2, to: middle)
            }
        }
        plan.prelude { [network.prefix] }
    }

    func inject(into site: AttentionSite) {
        let (size, shape) = (Sizes(site.model).line, [num_virtual_tokens, site.keyHeads, site.headSize])
        site.forward { inputs in
            func part(_ index: Int) -> Value {
                site.prelude(0).slice(axis: 1, index * size..<(index + 1) * size).reshape(shape)
            }
            return site.base(inputs, moreKeys: part(2 * site.layer), moreValues: part(2 * site.layer + 1))
        }
        site.refuseMerge(because: "its keys and values are no weight of the base")
    }

    /// As peft keeps it: what the network computes, and under grouped queries the sizes of the keys.
    func finish(_ method: MethodGraphs) {
        let sizes = Sizes(method.model)
        func parameter(_ name: String) -> Value { method.methodParameter(Self.encoder + name) }
        method.export { config in
            let prefix =
                prefix_projection
                ? Network(
                    table: parameter("embedding.weight"), W0: parameter("transform.0.weight"),
                    b0: parameter("transform.0.bias"), W2: parameter("transform.2.weight"),
                    b2: parameter("transform.2.bias")
                ).prefix : parameter("embedding.weight")
            config.tensor("prompt_embeddings", prefix)
            config.field("token_dim", json: "\(sizes.line)")
            config.field("num_attention_heads", json: "\(method.model.keyHeads)")
            config.field("num_layers", json: "\(method.model.layers)")
            config.field("num_transformer_submodules", json: "1")
            config.field("encoder_hidden_size", json: "\(encoder_hidden_size ?? sizes.line)")
            config.field("init_text", json: nil)
        }
        guard !prefix_projection else { return }
        method.import { stored in
            method.set(
                parameter("embedding.weight"), to: stored("prompt_embeddings", [num_virtual_tokens, sizes.all]))
        }
    }

    /// Where peft keeps no network, what it computed is a table.
    func importConfig(_ config: Config) {
        let model = config.model
        let expected = [
            "token_dim": Sizes(model).line, "num_layers": model.layers, "num_attention_heads": model.keyHeads,
            "num_transformer_submodules": 1,
        ]
        for (name, size) in expected.sorted(by: { $0.key < $1.key }) where config.kind(name) == .number {
            if config.integer(name) != size {
                config.fail("\(name) is \(config.integer(name)), and \(size) with this model")
            }
        }
        if !config.hasTensor("base_model." + Self.encoder + "transform.0.weight") {
            config.set("prefix_projection", to: false)
        }
    }

    private static let encoder = "prompt_encoder.default."

    /// The keys and values of `init_text`, (n, 2 · layers · g · d).
    private func cache(_ plan: Plan) -> Value {
        let (text, n, size) = (init_text ?? "", num_virtual_tokens, Sizes(plan.model).line)
        let parts = (0..<plan.model.layers).flatMap { layer in
            [plan.cachedKeys(of: text, count: n, layer: layer), plan.cachedValues(of: text, count: n, layer: layer)]
        }
        return .concat(parts.map { $0.reshape([n, size]) }, axis: 1)
    }
}

/// Of a token's prefix.
private struct Sizes {
    /// The keys, or values, of one layer: g · d.
    let line: Int
    /// Keys and values of all layers.
    let all: Int

    init(_ model: Model) {
        line = model.keyHeads * model.headSize
        all = 2 * model.layers * line
    }
}

/// tanh(table · W0ᵀ + b0) · W2ᵀ + b2
private struct Network {
    let table, W0, b0, W2, b2: Value

    var hidden: Value { (table.matmul(W0.T) + b0).tanh() }
    var prefix: Value { hidden.matmul(W2.T) + b2 }
}

@c @implementation
public func peft_plugin_entry(_ host: UnsafePointer<peft_host>!) -> UnsafePointer<peft_plugin>! {
    plugin(PrefixTuning.self, host)
}
