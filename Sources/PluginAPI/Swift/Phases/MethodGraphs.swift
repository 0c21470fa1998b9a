import CPeftPlugin

/// The last callback: graphs over the parameters of all sites.
public struct MethodGraphs: Scope {
    /// The sites that were taken, in the model's order.
    public var sites: [SiteInfo] { SiteInfo.all }

    /// The parameter or buffer of that name at a site.
    public func parameter(_ name: String, of site: SiteInfo) -> Value {
        Value(host.parameters.of_site(trace, site.index ?? -1, name))
    }

    /// Reads hyperparameters as they are at a site.
    public func withHyperparameters(of site: SiteInfo, _ body: () -> Void) {
        guard host.settings.at_site(trace, site.index ?? -1) == PEFT_OK else { return }
        body()
        _ = host.settings.at_site(trace, -1)
    }

    /// The method's own parameter or buffer of that name, declared in ``Method/plan(_:)``.
    public func methodParameter(_ name: String) -> Value { Value(host.parameters.of_method(trace, name)) }

    /// A scalar that is added to the loss once a step.
    public func regularizer(_ body: () -> Value) { withGraph(PEFT_GRAPH_REGULARIZER) { [body()] } }

    /// Runs after each optimizer step; ``Scope/set(_:to:)`` gives parameters and buffers new values.
    public func update(_ body: () -> Void) {
        withGraph(PEFT_GRAPH_UPDATE) {
            body()
            return []
        }
    }

    /// Update: the gradient that the step used (accumulated, clipped, regularizer included).
    public func gradient(_ parameter: Value) -> Value { Value(host.graphs.gradient(trace, parameter.id)) }

    /// How the method is stored, where the default does not do: names all tensors that are kept, or none for the default.
    public func export(_ body: (Export) -> Void) {
        guard let table = host.export else { return failWithoutTable("peft.export/1") }
        withGraph(PEFT_GRAPH_EXPORT) {
            body(Export(table: table))
            return []
        }
    }

    /// The way back: `stored` gives a tensor of the adapter by its full name; ``Scope/set(_:to:)`` puts it where it belongs.
    public func `import`(_ body: (_ stored: (_ name: String, _ shape: [Int]) -> Value) -> Void) {
        guard let table = host.export else { return failWithoutTable("peft.export/1") }
        withGraph(PEFT_GRAPH_IMPORT) {
            body { name, shape in Value(table.stored(trace, name, Int32(shape.count), shape.map { Int64($0) })) }
            return []
        }
    }

    /// Whether this is the second trace of a method that calibrates, with the hyperparameters that the first one led to.
    public var isCalibrated: Bool { host.calibration.map { $0.done(trace) != 0 } ?? false }

    /// Runs between the two traces, over the statistics that the plan asked for.
    public func calibrate(_ body: (Calibration) -> Void) {
        guard let table = host.calibration else { return failWithoutTable("peft.calibration/1") }
        withGraph(PEFT_GRAPH_CALIBRATE) {
            body(Calibration(table: table))
            return []
        }
    }
}

/// The inside of an export graph.
public struct Export {
    let table: peft_export_1

    /// A tensor by its full stored name.
    public func tensor(_ name: String, _ value: Value) { _ = table.tensor(trace, name, value.plain) }

    /// Of a tensor only what lies along `axis` where the mask, of that axis' size, is not 0.
    public func tensor(_ name: String, _ value: Value, axis: Int, where mask: Value) {
        _ = table.tensor_masked(trace, name, value.plain, Int32(axis), mask.plain)
    }

    /// A tensor that only training needs, for the file beside the adapter.
    public func sidecar(_ name: String, _ value: Value) { _ = table.sidecar(trace, name, value.plain) }

    /// A field of adapter_config.json as JSON text; nil leaves it out. Members of the path are separated by `/`.
    public func field(_ path: String, json: String?) { _ = table.field(trace, path, json) }

    /// A field that is filled when run: a scalar as a number, (n) as a list.
    public func field(_ path: String, from value: Value, asBoolean: Bool = false) {
        _ = table.field_from(trace, path, value.plain, asBoolean ? 1 : 0)
    }
}

/// The inside of a calibrate graph.
public struct Calibration {
    let table: peft_calibration_1

    public func statistic(_ statistic: Statistic, of site: SiteInfo) -> Value {
        Value(table.of_site(trace, site.index ?? -1, statistic.rawValue))
    }

    /// A scalar that becomes the site's hyperparameter in the second trace; an integer one is rounded.
    public func set(_ hyperparameter: String, of site: SiteInfo, to value: Value) {
        _ = table.hyperparameter(trace, site.index ?? -1, hyperparameter, value.plain)
    }
}
