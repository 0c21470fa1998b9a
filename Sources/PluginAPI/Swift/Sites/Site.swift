import CPeftPlugin

/// Kinds of sites: the places of a model where a method can stand.
public enum SiteKind: Int32, Sendable {
    /// y = W x + b: the method replaces the layer's forward.
    case linear = 0
    /// Rows of the embedding table.
    case embedding
    /// The start of every row: the method returns virtual tokens.
    case prompt
    /// Inside an attention, after position encoding.
    case attention
    /// Behind an attention or an MLP, before it joins the residual stream.
    case block
    /// A tensor of the base that is trained itself.
    case weight
}

/// What a site is to its model.
public enum Role: Int32, Sendable {
    case other = 0, query, key, value, attentionOutput, gate, up, down, head, embedding, attention, mlp, norm, bias,
        prompt
}

/// What a plugin is told of a site.
public struct SiteInfo: Sendable {
    /// nil: of a kind that is newer than this kit.
    public let kind: SiteKind?
    public let role: Role
    /// Counted from 0; -1 outside the layers.
    public let layer: Int
    /// The module's path in Hugging Face's words: `model.layers.0.self_attn.q_proj`; of a weight site the tensor's.
    public let name: String
    /// linear: in; embedding: rows of the table; else the hidden size.
    public let inputs: Int
    /// linear: out; else the hidden size.
    public let outputs: Int
    /// attention: query heads, key and value heads, the size of each.
    public let heads: Int
    public let keyHeads: Int
    public let headSize: Int
    public let hasBias: Bool
    /// weight: the tensor's.
    public let shape: [Int]
    /// Its place in the list that it came from; nil in `inject`.
    let index: Int64?

    init(_ site: peft_site, index: Int64?) {
        kind = SiteKind(rawValue: site.kind)
        role = Role(rawValue: site.role) ?? .other
        layer = Int(site.layer)
        name = text(site.name)
        inputs = Int(site.inputs)
        outputs = Int(site.outputs)
        heads = Int(site.heads)
        keyHeads = Int(site.key_heads)
        headSize = Int(site.head_size)
        hasBias = site.has_bias != 0
        shape = withUnsafeBytes(of: site.shape) { sizes in
            sizes.bindMemory(to: Int64.self).prefix(Int(max(0, site.rank))).map { Int($0) }
        }
        self.index = index
    }

    /// All sites of the list that the running callback may see.
    static var all: [SiteInfo] {
        (0..<max(0, host.sites.count(trace))).map { index in
            var site = peft_site()
            site.struct_size = UInt32(MemoryLayout<peft_site>.size)
            _ = host.sites.get(trace, index, &site)
            return SiteInfo(site, index: index)
        }
    }
}

/// The place at which `inject` stands. Parameters that are declared here are the site's own.
public protocol Site: Scope {
    var info: SiteInfo { get }
}

extension Site {
    public var name: String { info.name }
    public var role: Role { info.role }
    public var layer: Int { info.layer }
    /// All sites that were taken, in the model's order.
    public var sites: [SiteInfo] { SiteInfo.all }

    /// A parameter or buffer of the whole method, declared in ``Method/plan(_:)``.
    public func methodParameter(_ name: String) -> Value { Value(host.parameters.of_method(trace, name)) }
    /// Result `index` of the prelude; only inside `forward`.
    public func prelude(_ index: Int) -> Value { Value(host.graphs.prelude(trace, Int64(index))) }
    /// In place of `merge`: says why this cannot be merged into the base.
    public func refuseMerge(because reason: String) { _ = host.graphs.not_mergeable(trace, reason) }
    /// A calibration statistic that the plan asked for; only inside `initialize`.
    public func statistic(_ statistic: Statistic) -> Value { Value(host.site.statistic(trace, statistic.rawValue)) }
}
