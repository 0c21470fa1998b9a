import Formats
import Programs

/// A plugin that can be asked for its method: in this process, or in a child.
package protocol TraceablePlugin: AnyObject, Sendable {
    var description: PluginDescription { get }
    /// What the user should know before anything is asked.
    var warnings: [String] { get }

    /// The method for a model and one choice of hyperparameters.
    ///
    /// - Throws: `PluginError` with the phase, the site, the graph and the function of the first thing that is wrong.
    func method(
        for request: TraceRequest, tokenize: @escaping (String) throws -> [Int32], warn: (String) -> Void
    ) throws(PluginError) -> MethodProgram

    /// What the plugin's `import_config` makes of a foreign configuration; nil where it has none.
    func importConfig(_ request: ImportRequest) throws(PluginError) -> ImportedConfig?
}

/// What a plugin is told when it is asked for its method.
package struct TraceRequest: Sendable {
    var settings: Settings
    /// The settings as the program keeps them.
    var fields: [MethodProgram.Setting]
    var model: ModelDescription
    /// Those that the plugin is offered, in the model's order.
    var sites: [SiteDescription]
    /// Hugging Face's `task_type`.
    var task: String
    /// Classes of the head; 0 without one.
    var labels: Int
}

extension TraceRequest {
    /// - Throws: `PluginError` where a value is missing, or the settings choose no site.
    init(
        _ plugin: PluginDescription, _ settings: Settings, _ model: ModelDescription, _ sites: [SiteDescription],
        _ task: String, _ labels: Int
    ) throws(PluginError) {
        try settings.checkComplete()
        for hyperparameter in plugin.hyperparameters where settings.values[hyperparameter.name] == nil {
            throw PluginError(.setting, "has no value: the host did not derive one", place: hyperparameter.name)
        }
        self.init(
            settings: settings,
            fields: settings.fields().map { MethodProgram.Setting(name: $0.key, json: $0.value.text()) },
            model: model, sites: try settings.selection.select(from: sites, for: plugin, task: task), task: task,
            labels: labels)
    }
}

/// A foreign `adapter_config.json` and its adapter.
package struct ImportRequest: Sendable {
    var config: JSON
    /// The file.
    var place: String
    /// Full names of the tensors that the adapter holds.
    var tensors: Set<String>
    var model: ModelDescription
    var task: String
    var labels: Int
}

/// What a plugin's `import_config` did.
package struct ImportedConfig: Equatable, Sendable {
    /// A hyperparameter's value; with a key, that at the sites whose path ends with what it matches.
    struct Change: Equatable, Sendable {
        var name: String
        var key: String?
        var value: JSON
    }

    /// In their order.
    var changes: [Change] = []
    /// The fields that the plugin looked at.
    var seen: Set<String> = []
}

extension Settings {
    mutating func apply(_ change: ImportedConfig.Change) throws(PluginError) {
        if let key = change.key {
            try addPattern(change.name, key: key, change.value)
        } else if plugin.hyperparameters.contains(where: { $0.name == change.name }) {
            try set(change.name, json: change.value)
        } else {
            throw PluginError(.setting, "is no hyperparameter of \(plugin.id)", place: change.name)
        }
    }
}

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
    _ plugin: any TraceablePlugin, _ settings: Settings, model: ModelDescription, sites: [SiteDescription],
    task: String, labels: Int, tokenize: @escaping (String) throws -> [Int32] = { _ in [0] },
    warn: (String) -> Void = { _ in }
) throws(PluginError) -> MethodProgram {
    let request = try TraceRequest(plugin.description, settings, model, sites, task, labels)
    return try plugin.method(for: request, tokenize: tokenize, warn: warn)
}

/// The same in this process, counting what the plugin asks of the host.
package func trace(
    _ plugin: LoadedPlugin, _ settings: Settings, model: ModelDescription, sites: [SiteDescription], task: String,
    labels: Int, tokenize: @escaping (String) throws -> [Int32], calls: HostCalls
) throws(PluginError) -> MethodProgram {
    let request = try TraceRequest(plugin.description, settings, model, sites, task, labels)
    return try plugin.method(for: request, tokenize: tokenize, calls: calls, warn: { _ in }, announce: { _ in })
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
    _ plugin: any TraceablePlugin, config: JSON, place: String, tensors: Set<String>, model: ModelDescription,
    task: String, labels: Int
) throws(PluginError) -> Settings {
    var settings = Settings(defaultsOf: plugin.description)
    let problems = try settings.read(config, place: place)
    let imported = try plugin.importConfig(
        ImportRequest(config: config, place: place, tensors: tensors, model: model, task: task, labels: labels))
    for change in imported?.changes ?? [] { try settings.apply(change) }
    let names = Set(plugin.description.hyperparameters.map(\.name))
    let given = Set(imported?.changes.filter { $0.key == nil }.map(\.name) ?? [])
    // A bad value of a hyperparameter is not better for being looked at.
    let understood = given.union((imported?.seen ?? []).subtracting(names))
    if let problem = problems.first(where: { !understood.contains($0.field) }) { throw problem.error }
    return settings
}
