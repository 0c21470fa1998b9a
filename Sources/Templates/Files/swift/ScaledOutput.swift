import CPeftPlugin

/// A trained scale for every output of a frozen linear layer. Everything that a plugin can do is said in peft_plugin.h; PluginAPI
/// has it in Swift.
///
///     y = (1 + alpha s) ⊙ (W x + b)        s (out), zeros at first
struct ScaledOutput: Method {
    static let id = "MyMethod"
    static let peftType = "MY_METHOD"
    static let version = "0.1.0"
    static let summary = "a trained scale for every output"
    static let defaultLearningRate = 1e-2
    static let capabilities: Capabilities = [.merge, .identityAtInit]
    /// The layers that are adapted unless the user gives -o target_modules=...
    static let defaultTargets: [Role] = [.query, .value]

    /// -o alpha=0.5: its names, defaults and ranges are checked by the host.
    @Hyperparameter("strength of the scale", range: 0 ... .infinity) var alpha = 1.0

    /// Once a layer: declares its parameters and builds its graphs.
    func inject(into site: LinearSite) {
        let s = site.parameter("scale", shape: [site.outputs], init: .zeros)
        site.forward { x in (1 + alpha * s) * site.base(x) }
        site.merge { W, b in
            let factor = 1 + alpha * s
            return (factor.reshape([site.outputs, 1]) * W, b.map { factor * $0 })
        }
    }
}

@c @implementation
public func peft_plugin_entry(_ host: UnsafePointer<peft_host>!) -> UnsafePointer<peft_plugin>! {
    plugin(ScaledOutput.self, host)
}
