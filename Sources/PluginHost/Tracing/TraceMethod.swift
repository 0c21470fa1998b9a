import CPeftPlugin
import Formats
import Programs

/// Asks a plugin for its method: plan once, inject at every site that it takes, method once.
///
/// - Parameters:
///   - settings: complete; the host's derived ones filled in.
///   - sites: all sites of the model, in its order; the settings choose among them.
///   - task: Hugging Face's `task_type`, `SEQ_CLS`.
///   - labels: classes of the head; 0 without one.
///   - tokenize: the ids of a text, special tokens included, for methods that start from one.
///   - warn: what the user should know.
/// - Throws: `PluginError` with the phase, the site, the graph and the function of the first thing that is wrong.
package func trace(
    _ plugin: LoadedPlugin, _ settings: Settings, model: ModelDescription, sites: [SiteDescription], task: String,
    labels: Int, tokenize: @escaping (String) throws -> [Int32] = { _ in [0] }, warn: (String) -> Void = { _ in }
) throws(PluginError) -> MethodProgram {
    let description = plugin.description
    try settings.checkComplete()
    for hyperparameter in description.hyperparameters where settings.values[hyperparameter.name] == nil {
        throw PluginError(.setting, "has no value: the host did not derive one", place: hyperparameter.name)
    }
    let selected = try settings.selection.select(from: sites, for: description, task: task)
    let trace = Trace(
        plugin: description, model: model, task: task, labels: labels, sites: selected,
        settings: settings.fields.map { MethodProgram.Setting(name: $0.key, json: $0.value.text()) },
        tokenize: tokenize)
    defer { trace.warnings.forEach(warn) }
    return try plugin.exclusively { () throws(PluginError) in
        try trace.plan(plugin.raw, settings)
        for index in trace.sites.indices { try trace.inject(plugin.raw, settings, index) }
        trace.values = settings.values
        trace.settings = settings
        if let method = plugin.raw.method {
            try trace.run(.method) { method(plugin.raw.`self`, $0) }
        }
        try trace.checkProgram()
        try trace.checkKernels()
        return trace.program
    }
}

/// Reads a foreign `adapter_config.json`: the fields that are hyperparameters, then what the plugin's `import_config` makes
/// of the others.
///
/// - Parameters:
///   - place: the file.
///   - tensors: full names of the tensors that the adapter holds.
/// - Throws: `PluginError` for a field that neither the host nor the plugin understands: one that is no hyperparameter must
///   be looked at, a hyperparameter's that has a value which is not allowed must be given another.
package func importSettings(
    _ plugin: LoadedPlugin, config: JSON, place: String, tensors: Set<String>, model: ModelDescription, task: String,
    labels: Int
) throws(PluginError) -> Settings {
    guard let importConfig = plugin.raw.import_config else {
        return try Settings(plugin.description, config: config, place: place)
    }
    var settings = Settings(defaultsOf: plugin.description)
    let problems = try settings.read(config, place: place)
    let trace = Trace(
        plugin: plugin.description, model: model, task: task, labels: labels, sites: [], settings: [],
        tokenize: { _ in [] })
    trace.importing = ConfigImport(config: config, settings: settings, tensors: tensors)
    try plugin.exclusively { () throws(PluginError) in
        try trace.run(.importConfig) { importConfig(plugin.raw.`self`, $0) }
    }
    guard let result = trace.importing else { return settings }
    // A bad value of a hyperparameter is not better for being looked at.
    let known = Set(plugin.description.hyperparameters.map(\.name))
    let understood = result.given.union(result.seen.subtracting(known))
    if let problem = problems.first(where: { !understood.contains($0.field) }) { throw problem.error }
    return result.settings
}

extension Trace {
    fileprivate func plan(_ raw: peft_plugin, _ settings: Settings) throws(PluginError) {
        values = settings.values
        if let plan = raw.plan {
            try run(.plan) { plan(raw.`self`, $0) }
            sites = sites.indices.filter(taken.contains).map { sites[$0] }
        }
        guard !sites.isEmpty else {
            throw PluginError(.broken, "took none of the sites that it was offered", place: plugin.id)
        }
        try settings.checkPatterns(at: sites.map(\.module))
        program.tensors = tensors.ofMethod
        try checkInitialized(tensors.ofMethod, program.initialize, place: "plan")
        tensors.ofSites = Array(repeating: [], count: sites.count)
    }

    fileprivate func inject(_ raw: peft_plugin, _ settings: Settings, _ index: Int) throws(PluginError) {
        values = try settings.values(at: sites[index].module)
        site = SiteParts()
        try run(.inject(index: index)) { pointer in
            withUnsafePointer(to: describe(sites[index])) { raw.inject(raw.`self`, pointer, $0) }
        }
        let place = "inject at \(sites[index].module)"
        guard let forward = site.forward else {
            throw PluginError(.broken, "\(place): built no forward graph", place: plugin.id)
        }
        try checkInitialized(tensors.ofSites[index], site.initialize, place: place)
        if plugin.capabilities.contains(.merge) {
            guard site.merge != nil else {
                throw PluginError(
                    .broken, "\(place): claims the capability merge, but built no merge graph", place: plugin.id)
            }
        }
        program.sites.append(
            SiteProgram(
                site: sites[index], tensors: tensors.ofSites[index], initialize: site.initialize, forward: forward,
                merge: site.merge ?? .refused(reason: "\(plugin.id) has no rule for merging")))
    }

    /// Whether what an init graph must set is set.
    private func checkInitialized(
        _ tensors: [TensorDeclaration], _ assignment: Assignment?, place: String
    ) throws(PluginError) {
        for (index, tensor) in tensors.enumerated() where tensor.initializer == .graph {
            guard assignment?.targets.contains(index) == true else {
                throw PluginError(.broken, "\(place): no init graph sets \"\(tensor.name)\"", place: plugin.id)
            }
        }
    }

    /// Whether something is trained, and everything that is trained has an effect.
    fileprivate func checkProgram() throws(PluginError) {
        var used: Set<Int> = []
        for graph in [program.prelude, program.regularizer].compactMap({ $0 }) {
            used.formUnion(program.graphs[graph].parameters)
        }
        var first = program.tensors.count
        for site in program.sites {
            for number in program.graphs[site.forward].parameters {
                used.insert(
                    number < MethodProgram.methodTensors ? first + number : number - MethodProgram.methodTensors)
            }
            first += site.tensors.count
        }
        let named =
            program.tensors.map { ($0, "the method") }
            + program.sites.flatMap { site in site.tensors.map { ($0, site.site.module) } }
        for (number, (tensor, owner)) in named.enumerated() where tensor.isTrained && !used.contains(number) {
            throw PluginError(
                .broken,
                "the parameter \"\(tensor.name)\" of \(owner) is used in no forward, prelude or regularizer graph",
                place: plugin.id, remedy: "use it, declare it frozen or make it a buffer")
        }
        do throws(ProgramError) {
            _ = try program.rowPrefix()
        } catch {
            throw PluginError(.broken, error.message, place: plugin.id)
        }
        guard named.contains(where: { $0.0.isTrained }) else {
            throw PluginError(.broken, "trains nothing: none of its sites declared a parameter", place: plugin.id)
        }
    }
}

extension Graph {
    /// The numbers of its parameter leaves.
    fileprivate var parameters: Set<Int> {
        Set(nodes.filter { $0.op == .parameter }.map { $0.attributes.integers[0] })
    }
}
