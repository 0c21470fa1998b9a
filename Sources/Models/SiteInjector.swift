import Programs

/// What stands at the sites of a model while its program is built. A site that nobody stands at is the frozen layer.
package protocol SiteInjector {
    /// Whether something else than the frozen layer stands at the linear layer `module`.
    func isAdapted(_ module: String) -> Bool
    /// The layer at `module` applied to x (N, in). `base` is the frozen layer.
    func linear(_ builder: GraphBuilder, module: String, x: Value, base: (Value) -> Value) -> Value
    /// The embedding of ids (N) i32 → (N, hidden). `base` gives rows of the frozen table.
    func embedding(_ builder: GraphBuilder, module: String, ids: Value, base: (Value) -> Value) -> Value
    /// x (N, hidden) with virtual tokens in the places that are kept for them, at the start of every row.
    func prompt(_ builder: GraphBuilder, x: Value, rows: (Value) -> Value) -> Value
    /// What goes into the output projection of the attention at `module`: (N, h, d).
    func attention(_ builder: GraphBuilder, module: String, _ operands: AttentionOperands, base: FrozenAttention)
        -> Value
    /// The output (N, hidden) of the branch at `module`, an attention or an MLP, which joins `residual` (N, hidden).
    func block(_ builder: GraphBuilder, module: String, output: Value, residual: Value) -> Value
    /// The tensor of that name where the model uses it; `frozen` is the file's.
    func tensor(_ builder: GraphBuilder, name: String, frozen: Value) -> Value
}

/// What an attention works on, behind position encoding.
package struct AttentionOperands {
    /// (N, h, d)
    package var q: Value
    /// (N, g, d)
    package var k: Value
    /// (N, g, d)
    package var v: Value
    /// What the projections were applied to: (N, hidden).
    package var input: Value
}

/// The frozen parts of one attention.
package struct FrozenAttention {
    /// A projection of v (…, in) → (…, out), without position encoding.
    package var project: (Projection, Value) -> Value
    /// Over the tokens of each row, with more keys and values in front of it, not turned.
    package var attend: (_ q: Value, _ k: Value, _ v: Value, _ more: (k: Value, v: Value)?) -> Value
    /// Over a set of keys and values alone.
    package var attendSet: (_ q: Value, _ keys: Value, _ values: Value) -> Value
}

/// The frozen model alone.
package struct NoMethod: SiteInjector {
    package init() {}

    package func isAdapted(_ module: String) -> Bool { false }
    package func linear(_ builder: GraphBuilder, module: String, x: Value, base: (Value) -> Value) -> Value { base(x) }
    package func embedding(_ builder: GraphBuilder, module: String, ids: Value, base: (Value) -> Value) -> Value {
        base(ids)
    }
    package func prompt(_ builder: GraphBuilder, x: Value, rows: (Value) -> Value) -> Value { x }
    package func attention(
        _ builder: GraphBuilder, module: String, _ operands: AttentionOperands, base: FrozenAttention
    ) -> Value {
        base.attend(operands.q, operands.k, operands.v, nil)
    }
    package func block(_ builder: GraphBuilder, module: String, output: Value, residual: Value) -> Value { output }
    package func tensor(_ builder: GraphBuilder, name: String, frozen: Value) -> Value { frozen }
}
