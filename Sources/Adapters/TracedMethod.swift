import Formats
import Models
import PluginHost
import Programs

/// A method as a plugin described it for one model and one choice of hyperparameters.
package struct TracedMethod {
    package let program: MethodProgram
    /// Hyperparameters and targets under their config names.
    package let fields: [JSON.Member]
    package let defaultLearningRate: Double
    package let library: PluginLibrary
    private let plugin: any TraceablePlugin
    private let tokenize: Tokenize

    /// The ids of a text, special tokens included, for methods that start from one.
    package typealias Tokenize = (String) throws -> [Int32]

    /// Traces a plugin with what the user typed.
    ///
    /// - Parameters:
    ///   - isolation: in which process the plugin's code runs.
    ///   - options: `-o name=value`, in the order of the command line.
    ///   - derive: fills in the hyperparameters that the host derives.
    package init(
        _ library: PluginLibrary, in isolation: PluginIsolation = .child(), options: [(name: String, text: String)],
        model: LlamaConfiguration, task: Task, derive: (inout Settings) -> Void = { _ in },
        tokenize: @escaping Tokenize, warn: (String) -> Void
    ) throws {
        let plugin = try openPlugin(library, isolation)
        var settings = try Settings(plugin.description, options: options)
        derive(&settings)
        try self.init(plugin, library, settings, model, task, tokenize, warn)
    }

    /// Traces a plugin with the hyperparameters of an `adapter_config.json`.
    ///
    /// - Parameter tensors: names of the tensors that the adapter holds.
    package init(
        _ library: PluginLibrary, in isolation: PluginIsolation = .child(), configuration: JSON, place: String,
        tensors: Set<String>, model: LlamaConfiguration, task: Task, tokenize: @escaping Tokenize,
        warn: (String) -> Void
    ) throws {
        let plugin = try openPlugin(library, isolation)
        let settings = try importSettings(
            plugin, config: configuration, place: place, tensors: tensors, model: model.description, task: task.name,
            labels: task.labels)
        // The adapter holds the values: that a text to start from has no tokenizer here is no matter.
        try self.init(plugin, library, settings, model, task, { (try? tokenize($0)) ?? [0] }, warn)
    }

    /// The method as it reads what it has written: traced again with the hyperparameters of that `adapter_config.json`.
    ///
    /// - Parameter tensors: names of the tensors that the adapter holds.
    func reading(
        _ configuration: JSON, tensors: Set<String>, model: LlamaConfiguration, task: Task
    ) throws -> MethodProgram {
        let settings = try importSettings(
            plugin, config: configuration, place: "adapter_config.json", tensors: tensors, model: model.description,
            task: task.name, labels: task.labels)
        return try TracedMethod(plugin, library, settings, model, task, tokenize, { _ in }).program
    }

    private init(
        _ plugin: any TraceablePlugin, _ library: PluginLibrary, _ settings: Settings, _ model: LlamaConfiguration,
        _ task: Task, _ tokenize: @escaping Tokenize, _ warn: (String) -> Void
    ) throws {
        for warning in plugin.warnings { warn(warning) }
        self.library = library
        self.plugin = plugin
        self.tokenize = tokenize
        var program = try trace(
            plugin, settings, model: model.description, sites: model.sites(for: task), task: task.name,
            labels: task.labels, tokenize: tokenize, warn: warn)
        defaultLearningRate = plugin.description.defaultLearningRate
        fields = TracedMethod.named(settings.fields(task: task.name), program)
        try program.addCopies(
            at: settings.selection.copySites(beside: program, task: task.name) {
                model.copySites(ofModules: $0, for: task)
            })
        self.program = program
    }

    /// `target_modules` as the suffixes that were really used: a reader need not know what the defaults were.
    private static func named(_ fields: [JSON.Member], _ program: MethodProgram) -> [JSON.Member] {
        var suffixes: [String] = []
        // Of a method that trains weights alone, the modules that they belong to.
        let areWeights = program.sites.allSatisfy { $0.site.kind == .weight }
        for site in program.sites where areWeights || site.site.kind == .linear || site.site.kind == .embedding {
            let suffix = String(site.site.module.split(separator: ".").dropLast(areWeights ? 1 : 0).last ?? "")
            if !suffixes.contains(suffix) { suffixes.append(suffix) }
        }
        guard !suffixes.isEmpty else {
            // A method that stands at no layer has no choice of layers, unless somebody made one.
            let general = Set(GeneralField.allCases.map(\.rawValue))
            return fields.filter { !general.contains($0.key) || !$0.value.isNull }
        }
        var fields = fields
        if let index = fields.firstIndex(where: { $0.key == "target_modules" }) {
            if [.null, "all-linear"].contains(fields[index].value) {
                fields[index].value = .array(suffixes.sorted().map(JSON.string))
            }
        } else {
            fields.append(.init("target_modules", .array(suffixes.sorted().map(JSON.string))))
        }
        return fields
    }
}

/// An adapter put onto its base, ready to run.
package struct OpenedAdapter {
    package let stored: StoredAdapter
    package let model: AdaptedModel
    package let task: Task
    package let labels: [String]

    /// Opens an adapter's folder.
    ///
    /// - Parameters:
    ///   - modelPath: the base; nil for the path that the sidecar remembers.
    ///   - shared: the base, opened for another adapter already, and what that adapter was trained on.
    ///   - search: where the plugin is, for folders that another program wrote.
    ///   - isolation: in which process the plugin's code runs.
    ///   - quantize: makes the base, once it is known to be the adapter's, what it was in training.
    package init(
        _ folder: String, modelPath: String?, on shared: OpenedAdapter? = nil, search: PluginSearch,
        in isolation: PluginIsolation = .child(),
        quantize: (_ base: Model, _ trained: Quantization) throws -> Void, warn: (String) -> Void
    ) throws {
        stored = try StoredAdapter(folder)
        let base: Model
        if let shared {
            base = shared.model.model
            try stored.checkBase(base)
            let (own, others) = (stored.quantization, shared.stored.quantization)
            guard own == others else {
                throw AdapterError(
                    "it was trained on a base kept as \(own.rawValue), and \(shared.stored.folder) on one as \(others.rawValue)",
                    place: folder, remedy: "use them one at a time")
            }
        } else {
            base = try Model(stored.basePath(modelPath))
            try stored.checkBase(base)
            try quantize(base, stored.quantization)
        }
        task = try stored.task
        labels = stored.labels(task)
        let program: MethodProgram
        if let own = stored.program {
            try stored.check(own)
            program = own
            if !own.kernels.isEmpty {
                try OpenedAdapter.loadKernels(of: own, stored, task, base, search, isolation, warn)
            }
        } else {
            program = try TracedMethod(
                try search.find(stored.peftType), in: isolation, configuration: stored.configuration,
                place: folder + "/adapter_config.json", tensors: Set(stored.tensors.map(\.name)),
                model: base.configuration, task: task, tokenize: base.tokenize, warn: warn
            ).program
        }
        model = try AdaptedModel(base, method: program, task: task, seed: stored.sidecar?.seed ?? 0)
        try stored.load(into: model)
    }

    /// The one case in which an adapter of ours needs its plugin: kernels are code. The plugin is traced as it was in
    /// training, which tries its kernels and makes them known to the engine.
    private static func loadKernels(
        of program: MethodProgram, _ stored: StoredAdapter, _ task: Task, _ base: Model, _ search: PluginSearch,
        _ isolation: PluginIsolation, _ warn: (String) -> Void
    ) throws {
        let names = program.kernels.map(\.name).sorted().joined(separator: ", ")
        let library: PluginLibrary
        do throws(PluginError) {
            library = try search.find(program.method)
        } catch {
            throw AdapterError(
                "it runs kernels (\(names)), which are code of the plugin \(program.method), and that is not found: "
                    + error.message, place: stored.folder, remedy: "name the folder that holds it with --plugin-path")
        }
        if let sidecar = stored.sidecar, try SHA256.file(library.path) != sidecar.pluginSHA256 {
            warn("\(library.path): not the build of \(program.method) that this adapter was trained with")
        }
        let traced = try TracedMethod(
            library, in: isolation, configuration: stored.configuration, place: stored.folder + "/adapter_config.json",
            tensors: Set(stored.tensors.map(\.name)), model: base.configuration, task: task, tokenize: base.tokenize,
            warn: warn)
        // A kernel believes its operands, so those that the folder gives it must be the plugin's own.
        let known = Set(traced.program.graphs)
        guard program.graphs.allSatisfy({ known.contains($0) || !$0.nodes.contains { $0.op == .call } }) else {
            throw AdapterError(
                "its graphs call the kernels \(names) otherwise than those of \(library.path) do", place: stored.folder,
                remedy: "use the version of \(program.method) that it was trained with")
        }
    }
}
