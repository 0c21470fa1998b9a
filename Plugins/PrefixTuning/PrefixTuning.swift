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
        if init_text != nil, init_weights != nil { plan.fail("init_text and init_weights: give one of them") }
        let inner = inner(plan.model)
        if init_text != nil, prefix_projection, inner < 2 * num_virtual_tokens {
            plan.fail("with init_text encoder_hidden_size must be at least 2 · num_virtual_tokens, not \(inner)")
        }
        let tensors = plan.tensors(Self.encoder, options: prefix_projection ? .sidecar : [])
        if init_text != nil {
            plan.initialize {
                let (target, prefix) = (cache(plan), prefix(plan.model, tensors))
                guard prefix_projection else { return plan.set(prefix, to: target) }
                let (middle, hidden) = (target.mean(0), hidden(plan.model, tensors))
                // The smallest W2 with hidden · W2ᵀ + middle = target.
                let coefficients = hidden.matmul(hidden.T).solve(target - middle)
                plan.set(tensors("transform.2.weight", [], .graph), to: coefficients.T.matmul(hidden))
                plan.set(tensors("transform.2.bias", [], .graph), to: middle)
            }
        }
        plan.prelude { [prefix(plan.model, tensors)] }
    }

    /// Of a token: the keys, or values, of one layer, g · d; both of all layers; what the network has inside.
    private func line(_ model: Model) -> Int { model.keyHeads * model.headSize }
    private func all(_ model: Model) -> Int { 2 * model.layers * line(model) }
    private func inner(_ model: Model) -> Int { encoder_hidden_size ?? line(model) }

    /// (n, 2 · layers · g · d): a table, or tanh(table · W0ᵀ + b0) · W2ᵀ + b2.
    private func prefix(_ model: Model, _ tensors: Tensors) -> Value {
        func first(_ usual: Initializer) -> Initializer {
            init_text != nil ? .graph : init_weights != nil ? .zeros : usual
        }
        guard prefix_projection else {
            return tensors("embedding.weight", [num_virtual_tokens, all(model)], first(.normal(deviation: 1)))
        }
        return hidden(model, tensors).linear(
            "transform.2", to: all(model), weight: first(.linearWeight), bias: first(.like(torchLayerOf: inner(model))),
            tensors)
    }

    private func hidden(_ model: Model, _ tensors: Tensors) -> Value {
        let table = tensors("embedding.weight", [num_virtual_tokens, line(model)], .normal(deviation: 1))
        return table.linear("transform.0", to: inner(model), tensors).tanh()
    }

    func inject(into site: AttentionSite) {
        let (size, shape) = (line(site.model), [num_virtual_tokens, site.keyHeads, site.headSize])
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
        let model = method.model
        func parameter(_ name: String) -> Value { method.methodParameter(Self.encoder + name) }
        method.export { config in
            config.tensor("prompt_embeddings", prefix(model) { name, _, _ in parameter(name) })
            config.promptSizes(width: line(model), heads: model.keyHeads, model: model)
            config.field("encoder_hidden_size", json: "\(inner(model))")
            config.field("init_text", json: nil)
        }
        guard !prefix_projection else { return }
        method.import { stored in
            method.set(
                parameter("embedding.weight"), to: stored("prompt_embeddings", [num_virtual_tokens, all(model)]))
        }
    }

    /// Where peft keeps no network, what it computed is a table.
    func importConfig(_ config: Config) {
        config.checkPromptSizes(width: line(config.model), heads: config.model.keyHeads)
        if !config.hasTensor("base_model." + Self.encoder + "transform.0.weight") {
            config.set("prefix_projection", to: false)
        }
    }

    private static let encoder = "prompt_encoder.default."

    /// The keys and values of `init_text`, (n, 2 · layers · g · d).
    private func cache(_ plan: Plan) -> Value {
        let (text, n, size) = (init_text ?? "", num_virtual_tokens, line(plan.model))
        let parts = (0..<plan.model.layers).flatMap { layer in
            [plan.cachedKeys(of: text, count: n, layer: layer), plan.cachedValues(of: text, count: n, layer: layer)]
        }
        return .concat(parts.map { $0.reshape([n, size]) }, axis: 1)
    }
}

@c @implementation
public func peft_plugin_entry(_ host: UnsafePointer<peft_host>!) -> UnsafePointer<peft_plugin>! {
    plugin(PrefixTuning.self, host)
}
