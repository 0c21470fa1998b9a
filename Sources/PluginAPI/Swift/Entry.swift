import CPeftPlugin

/// What `peft_plugin_entry` returns: the description of `type` and its callbacks, in memory that lives as long as the
/// process. nil where the host lacks a table that every method needs.
public func plugin<M: Method>(_ type: M.Type, _ pointer: UnsafePointer<peft_host>?) -> UnsafePointer<peft_plugin>? {
    guard let pointer, let tables = Host(pointer) else { return nil }
    host = tables
    let method = M()
    let hyperparameters = describeHyperparameters(of: method)

    var plugin = peft_plugin()
    plugin.struct_size = UInt32(MemoryLayout<peft_plugin>.size)
    plugin.abi_built_with = PEFT_ABI_VERSION
    plugin.abi_min_required = 1
    plugin.capabilities = M.capabilities.rawValue
    plugin.site_kinds = M.siteKinds.reduce(0) { $0 | 1 << UInt32($1.rawValue) }
    plugin.id = immortal(M.id)
    plugin.peft_type = immortal(M.peftType)
    plugin.version = immortal(M.version)
    plugin.license = immortal(M.license)
    plugin.summary = immortal(M.summary)
    plugin.paper = immortal(M.paper)
    plugin.default_learning_rate = M.defaultLearningRate
    plugin.default_role_count = UInt32(M.defaultTargets.count)
    plugin.default_roles = immortal(M.defaultTargets.map(\.rawValue))
    plugin.hyperparameter_count = UInt32(hyperparameters.count)
    plugin.hyperparameter_stride = UInt32(MemoryLayout<peft_hyperparameter>.stride)
    plugin.hyperparameters = immortal(hyperparameters)
    plugin.`self` = Unmanaged.passRetained(Instance(method)).toOpaque()
    plugin.plan = { run($0, $1) { $0.plan(Plan()) } }
    plugin.inject = { instance, trace, site in
        guard let site else { return PEFT_ERROR }
        let info = SiteInfo(site.pointee, index: nil)
        return run(instance, trace) { inject($0, info) }
    }
    plugin.method = { run($0, $1) { $0.finish(MethodGraphs()) } }
    plugin.import_config = { run($0, $1) { $0.importConfig(Config()) } }
    return immortal([plugin])
}

/// The one instance of the method: what `peft_plugin.self` points to.
private final class Instance {
    let method: any Method
    init(_ method: any Method) { self.method = method }
}

private func run(_ instance: UnsafeMutableRawPointer?, _ current: OpaquePointer?, _ body: (any Method) -> Void) -> Int32
{
    guard let instance else { return PEFT_ERROR }
    trace = current
    defer { trace = nil }
    body(Unmanaged<Instance>.fromOpaque(instance).takeUnretainedValue().method)
    return PEFT_OK
}

private func inject(_ method: any Method, _ info: SiteInfo) {
    switch info.kind {
    case .linear: method.inject(into: LinearSite(info))
    case .embedding: method.inject(into: EmbeddingSite(info))
    case .prompt: method.inject(into: PromptSite(info))
    case .attention: method.inject(into: AttentionSite(info))
    case .block: method.inject(into: BlockSite(info))
    case .weight: method.inject(into: WeightSite(info))
    case nil: _ = host.trace.fail(trace, "\(info.name) is a site of a kind that this plugin does not know")
    }
}

/// A copy that is never freed: what a plugin describes itself with lives as long as the process.
func immortal<Element>(_ elements: [Element]) -> UnsafePointer<Element>? {
    guard !elements.isEmpty else { return nil }
    let copy = UnsafeMutableBufferPointer<Element>.allocate(capacity: elements.count)
    _ = copy.initialize(from: elements)
    return UnsafePointer(copy.baseAddress)
}

func immortal(_ text: String) -> UnsafePointer<CChar>? { immortal(Array(text.utf8CString)) }
