import CPeftPlugin

/// The host's tables, fetched once when the library is loaded. The optional ones are those that few methods need.
struct Host {
    var trace = peft_trace_1()
    var settings = peft_settings_1()
    var model = peft_model_1()
    var sites = peft_sites_1()
    var parameters = peft_parameters_1()
    var graphs = peft_graphs_1()
    var site = peft_site_1()
    var ops = peft_ops_1()
    var export: peft_export_1?
    var config: peft_config_1?
    var calibration: peft_calibration_1?
    var kernel: peft_kernel_1?

    /// Of a plugin that was not loaded yet.
    init() {}

    /// nil where a table that every method needs is missing or older than this kit.
    init?(_ host: UnsafePointer<peft_host>) {
        guard
            let trace: peft_trace_1 = Self.table(host, "peft.trace/1"),
            let settings: peft_settings_1 = Self.table(host, "peft.settings/1"),
            let model: peft_model_1 = Self.table(host, "peft.model/1"),
            let sites: peft_sites_1 = Self.table(host, "peft.sites/1"),
            let parameters: peft_parameters_1 = Self.table(host, "peft.parameters/1"),
            let graphs: peft_graphs_1 = Self.table(host, "peft.graphs/1"),
            let site: peft_site_1 = Self.table(host, "peft.site/1"),
            let ops: peft_ops_1 = Self.table(host, "peft.ops/1")
        else { return nil }
        (self.trace, self.settings, self.model, self.sites) = (trace, settings, model, sites)
        (self.parameters, self.graphs, self.site, self.ops) = (parameters, graphs, site, ops)
        export = Self.table(host, "peft.export/1")
        config = Self.table(host, "peft.config/1")
        calibration = Self.table(host, "peft.calibration/1")
        kernel = Self.table(host, "peft.kernel/1")
    }

    /// A copy of the table, where the host has all of its functions that this kit knows.
    private static func table<Table>(_ host: UnsafePointer<peft_host>, _ id: String) -> Table? {
        guard let table = host.pointee.table(host, id) else { return nil }
        guard table.load(as: UInt32.self) >= MemoryLayout<Table>.size else { return nil }
        return table.load(as: Table.self)
    }
}

/// The host, and the callback that runs now (nil between callbacks). Globals, because a method's code should not carry them
/// through every expression; safe, because the host calls a plugin from one thread at a time.
nonisolated(unsafe) var host = Host()
nonisolated(unsafe) var trace: OpaquePointer?

/// A copy of a string of the host's; empty for NULL.
func text(_ pointer: UnsafePointer<CChar>?) -> String { pointer.map { String(cString: $0) } ?? "" }

/// Notes that the host lacks a table that the method uses.
func failWithoutTable(_ id: String) {
    _ = host.trace.fail(trace, "this host does not offer \(id)")
}

/// Runs `body` as the graph `kind`; its results end the graph, nil standing for "as it was".
func withGraph(_ kind: Int32, _ body: () -> [Value?]) {
    _ = host.graphs.begin(trace, kind)
    let results = body().map { $0?.plain ?? PEFT_ABSENT }
    _ = host.graphs.end(trace, Int64(results.count), results)
}

/// The open graph's operand.
func operand(_ index: Int64) -> Value { Value(host.graphs.operand(trace, index)) }
