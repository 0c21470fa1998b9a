import CPeftPlugin
import PluginAPI

/// (IA)³, infused adapter by inhibiting and amplifying inner activations (Liu et al. 2022): a vector l scales the output
/// of the key and value projections, and the input of the MLP's down projection,
///
///     y = l ∘ (W x + b)        l (out, 1)
///     y = W (l ∘ x) + b        l (1, in), in the feed-forward modules
///
/// l starts at one, so the model starts unchanged.
struct IA3: Method {
    static let id = "IA3"
    static let peftType = "IA3"
    static let version = "1.0.0"
    static let summary = "learned scales of keys, values and inner activations"
    static let paper = "Liu et al. 2022, arXiv:2205.05638"
    static let defaultLearningRate = 5e-3
    static let capabilities: Capabilities = [.merge, .identityAtInit]
    static let defaultTargets: [Role] = [.key, .value, .down]

    @Hyperparameter("modules whose input is scaled in place of the output; null: down_proj")
    var feedforward_modules: [String]? = nil
    @Hyperparameter("feedforward_modules is one regular expression over whole paths; a stored text sets it")
    var feedforward_is_expression = false
    @Hyperparameter("1 where that expression matches; a stored text sets it", range: 0...1, perSite: true)
    var is_feedforward = 0
    @Hyperparameter("start at one; otherwise at random") var init_ia3_weights = true

    func plan(_ plan: Plan) {
        plan.takeAll()
        if feedforward_is_expression { return }
        for name in feedforward_modules ?? [] where !plan.sites.contains(where: { $0.name.hasSuffix(name) }) {
            plan.warn("feedforward_modules: no module that is adapted has a name that ends with \"\(name)\"")
        }
    }

    func inject(into site: LinearSite) {
        let isFeedForward = isFeedForward(site.info)
        let l = site.parameter(
            "ia3_l", shape: isFeedForward ? [1, site.inputs] : [site.outputs, 1],
            init: init_ia3_weights ? .ones : .normal(deviation: 1))
        if isFeedForward {
            site.forward { x in site.base(x * l) }
            site.merge { W, b in (W * l, b) }
        } else {
            site.forward { x in site.base(x) * l.reshape([site.outputs]) }
            site.merge { W, b in (W * l, b.map { $0 * l.reshape([site.outputs]) }) }
        }
    }

    /// The fields as peft 0.21 writes them; of the feed-forward modules those that are adapted, because peft refuses others.
    func finish(_ method: MethodGraphs) {
        let used = method.sites.flatMap(feedForwardNames).reduce(into: [String]()) { names, name in
            if !names.contains(name) { names.append(name) }
        }
        method.export { config in
            let names = used.map { "\"\($0)\"" }.joined(separator: ", ")
            let expression = feedforward_is_expression ? feedforward_modules?.first : nil
            config.field("feedforward_modules", json: expression.map(quoted) ?? "[\(names)]")
            for name in ["feedforward_is_expression", "is_feedforward", "is_feedforward_pattern"] {
                config.field(name, json: nil)
            }
            config.field("fan_in_fan_out", json: "false")
            config.field("layers_to_transform", json: nil)
            config.field("layers_pattern", json: nil)
        }
    }

    private func isFeedForward(_ site: SiteInfo) -> Bool {
        feedforward_is_expression ? is_feedforward == 1 : !feedForwardNames(of: site).isEmpty
    }

    private func quoted(_ text: String) -> String {
        "\"\(text.map { "\\\"".contains($0) ? "\\\($0)" : "\($0)" }.joined())\""
    }

    /// peft takes a text for a regular expression that matches whole paths.
    func importConfig(_ config: Config) {
        let name = "feedforward_modules"
        guard config.kind(name) == .string else { return }
        let expression = config.string(name)
        config.set(name, to: expression)
        config.set("feedforward_is_expression", to: true)
        config.set("is_feedforward", at: "^(?:\(expression))", to: 1)
    }

    /// By which of the names the site counts as feed-forward.
    private func feedForwardNames(of site: SiteInfo) -> [String] {
        (feedforward_modules ?? ["down_proj"]).filter { site.name.hasSuffix($0) }
    }
}

@c @implementation
public func peft_plugin_entry(_ host: UnsafePointer<peft_host>!) -> UnsafePointer<peft_plugin>! {
    plugin(IA3.self, host)
}
