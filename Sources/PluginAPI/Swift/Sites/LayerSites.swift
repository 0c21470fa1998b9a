import CPeftPlugin

/// An attention, after position encoding and before its output projection.
public struct AttentionSite: Site {
    public let info: SiteInfo
    init(_ info: SiteInfo) { self.info = info }

    public var hiddenSize: Int { info.outputs }
    /// Query heads, h.
    public var heads: Int { info.heads }
    /// Key and value heads, g.
    public var keyHeads: Int { info.keyHeads }
    /// d
    public var headSize: Int { info.headSize }

    /// What a forward is given.
    public struct Inputs {
        /// (N, h, d), turned by its position.
        public let q: Value
        /// (N, g, d), turned by its position.
        public let k: Value
        /// (N, g, d)
        public let v: Value
        /// What the layer's projections were applied to: (N, hidden).
        public let hidden: Value
    }

    public enum Projection: Int32, Sendable {
        case query = 0, key, value, output
    }

    /// A frozen projection of v (…, in) → (…, out), without position encoding.
    public func project(_ projection: Projection, _ v: Value) -> Value {
        Value(host.site.project(trace, projection.rawValue, v.plain))
    }

    /// The frozen attention, (N, h, d), with more keys and values in front of every row: (T, g, d) or (R, T, g, d), not
    /// turned. They stand at the positions 0 to T - 1, the row's own tokens from T on; where the base has a sliding window,
    /// it counts them.
    public func base(_ inputs: Inputs, moreKeys: Value? = nil, moreValues: Value? = nil) -> Value {
        Value(
            host.site.attend(
                trace, inputs.q.plain, inputs.k.plain, inputs.v.plain, moreKeys?.plain ?? PEFT_ABSENT,
                moreValues?.plain ?? PEFT_ABSENT))
    }

    /// q over a set of keys and values alone, scaled as the frozen attention: (K, g, d) or (R, K, g, d) → (N, h, d).
    public func attend(_ q: Value, keys: Value, values: Value) -> Value {
        Value(host.site.attend_set(trace, q.plain, keys.plain, values.plain))
    }

    /// → (N, h, d), what goes into the output projection. Token-local.
    public func forward(_ body: (_ inputs: Inputs) -> Value) {
        withGraph(PEFT_GRAPH_FORWARD) {
            [body(Inputs(q: operand(0), k: operand(1), v: operand(2), hidden: operand(3)))]
        }
    }
}

/// Behind an attention or an MLP (see ``Site/role``), before it joins the residual stream.
public struct BlockSite: Site {
    public let info: SiteInfo
    init(_ info: SiteInfo) { self.info = info }

    public var hiddenSize: Int { info.outputs }

    /// The branch's output (N, hidden) and the residual stream that it joins (N, hidden) → the new output (N, hidden).
    public func forward(_ body: (_ output: Value, _ residual: Value) -> Value) {
        withGraph(PEFT_GRAPH_FORWARD) { [body(operand(0), operand(1))] }
    }
}
