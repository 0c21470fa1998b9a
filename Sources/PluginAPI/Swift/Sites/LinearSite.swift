import CPeftPlugin

/// A linear layer y = W x + b.
public struct LinearSite: Site {
    public let info: SiteInfo
    init(_ info: SiteInfo) { self.info = info }

    public var inputs: Int { info.inputs }
    public var outputs: Int { info.outputs }
    public var hasBias: Bool { info.hasBias }

    /// The frozen layer on v (…, in), tokens or parameters, bias included → (…, out). Never another adapter.
    public func base(_ v: Value) -> Value { Value(host.site.base(trace, v.plain)) }
    /// W (out, in)
    public var weight: Value { Value(host.site.weight(trace)) }
    /// Init: W before the host quantised it; else equal to ``weight``.
    public var originalWeight: Value { Value(host.site.original_weight(trace)) }
    /// b (out); an error without ``hasBias``.
    public var bias: Value { Value(host.site.bias(trace)) }
    /// (out): Euclidean norms of W's rows.
    public var rowNorms: Value { Value(host.site.row_norms(trace)) }
    /// (in): Euclidean norms of W's columns.
    public var columnNorms: Value { Value(host.site.column_norms(trace)) }

    /// What the layer does with the adapter: x (N, in) → (N, out). Token-local.
    public func forward(_ body: (_ x: Value) -> Value) {
        withGraph(PEFT_GRAPH_FORWARD) { [body(operand(0))] }
    }

    /// W (out, in) and b (out), nil without a bias → the layer that does the same without the adapter. A nil result: as it
    /// was.
    public func merge(_ body: (_ weight: Value, _ bias: Value?) -> (Value?, Value?)) {
        withGraph(PEFT_GRAPH_MERGE) {
            let (weight, bias) = body(operand(0), hasBias ? operand(1) : nil)
            return [weight, bias]
        }
    }
}
