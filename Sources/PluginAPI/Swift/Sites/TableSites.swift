import CPeftPlugin

/// The embedding table, (rows, hidden).
public struct EmbeddingSite: Site {
    public let info: SiteInfo
    init(_ info: SiteInfo) { self.info = info }

    public var rows: Int { info.inputs }
    public var hiddenSize: Int { info.outputs }

    /// Rows of the frozen table, ids i32 of any shape S → S + (hidden).
    public func base(_ ids: Value) -> Value { Value(host.site.table_rows(trace, ids.plain)) }
    /// The frozen table, (rows, hidden).
    public var weight: Value { Value(host.site.weight(trace)) }
    /// (hidden): Euclidean norms of the table's columns.
    public var columnNorms: Value { Value(host.site.column_norms(trace)) }

    /// ids (N) i32 → (N, hidden). Token-local.
    public func forward(_ body: (_ ids: Value) -> Value) {
        withGraph(PEFT_GRAPH_FORWARD) { [body(operand(0))] }
    }

    /// The table (rows, hidden) → the table that does the same without the adapter.
    public func merge(_ body: (_ table: Value) -> Value) {
        withGraph(PEFT_GRAPH_MERGE) { [body(operand(0))] }
    }
}

/// The start of every row. The host moves positions, masks, labels and pooling.
public struct PromptSite: Site {
    public let info: SiteInfo
    init(_ info: SiteInfo) { self.info = info }

    public var hiddenSize: Int { info.outputs }

    /// Rows of the frozen embedding table, ids i32 of any shape S → S + (hidden).
    public func embed(_ ids: Value) -> Value { Value(host.site.table_rows(trace, ids.plain)) }

    /// The virtual tokens in front of each row: (T, hidden).
    public func forward(_ body: () -> Value) {
        withGraph(PEFT_GRAPH_FORWARD) { [body()] }
    }
}

/// A tensor of the base that is trained itself; the file stays as it is.
public struct WeightSite: Site {
    public let info: SiteInfo
    init(_ info: SiteInfo) { self.info = info }

    public var shape: [Int] { info.shape }
    /// The frozen tensor.
    public var weight: Value { Value(host.site.weight(trace)) }

    /// What the model uses in the tensor's place, of its shape.
    public func forward(_ body: () -> Value) {
        withGraph(PEFT_GRAPH_FORWARD) { [body()] }
    }

    /// The tensor → the one that does the same without the adapter.
    public func merge(_ body: (_ tensor: Value) -> Value) {
        withGraph(PEFT_GRAPH_MERGE) { [body(operand(0))] }
    }
}
