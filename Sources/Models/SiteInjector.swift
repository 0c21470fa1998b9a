import Programs

/// What stands at the sites of a model while its program is built. A site that nobody stands at is the frozen layer.
package protocol SiteInjector {
    /// The layer at `module` applied to x (N, in). `base` is the frozen layer.
    func linear(_ builder: GraphBuilder, module: String, x: Value, base: (Value) -> Value) -> Value
    /// The tensor of that name where the model uses it; `frozen` is the file's.
    func tensor(_ builder: GraphBuilder, name: String, frozen: Value) -> Value
}

/// The frozen model alone.
package struct NoMethod: SiteInjector {
    package init() {}

    package func linear(_ builder: GraphBuilder, module: String, x: Value, base: (Value) -> Value) -> Value { base(x) }
    package func tensor(_ builder: GraphBuilder, name: String, frozen: Value) -> Value { frozen }
}
