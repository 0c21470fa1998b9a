import Formats
import Programs

/// What a child is asked.
struct ChildRequest {
    enum Task {
        /// The method, of a library with that manifest.
        case trace(PluginDescription, TraceRequest)
        case importConfig(PluginDescription, ImportRequest)
        /// What the library says of itself.
        case describe
        /// What the child was freed of; nothing is loaded.
        case reportSandbox
    }

    var task: Task
    /// nil for ``Task/reportSandbox``.
    var library: LibraryFile?
    var limits: ChildLimits

    /// The largest file that a child can write: what it prints, which is an error anyway.
    static let mostOutput = 1 << 16

    var json: JSON {
        var members: [JSON.Member] = [
            .init("seconds", .integer(Int64(limits.seconds))), .init("memory", .integer(Int64(limits.memory))),
        ]
        if let library {
            let identity = library.identity.numbers.map { JSON.integer(Int64($0)) }
            members += [.init("path", .string(library.path)), .init("identity", .array(identity))]
        }
        switch task {
        case .trace(let plugin, let request):
            let fields = request.fields.map { JSON.Member($0.name, .string($0.json)) }
            members += [
                .init("task", "trace"), .init("manifest", plugin.manifest), .init("settings", request.settings.coded),
                .init("fields", .object(fields)), .init("sites", .array(request.sites.map(\.coded))),
            ]
            members += ChildRequest.model(request.model, request.task, request.labels)
        case .importConfig(let plugin, let request):
            members += [
                .init("task", "import"), .init("manifest", plugin.manifest), .init("config", request.config),
                .init("place", .string(request.place)),
                .init("tensors", .array(request.tensors.sorted().map { .string($0) })),
            ]
            members += ChildRequest.model(request.model, request.task, request.labels)
        case .describe: members.append(.init("task", "describe"))
        case .reportSandbox: members.append(.init("task", "sandbox"))
        }
        return .object(members)
    }

    private static func model(_ model: ModelDescription, _ task: String, _ labels: Int) -> [JSON.Member] {
        let sizes = [
            model.layers, model.hiddenSize, model.intermediateSize, model.heads, model.keyHeads, model.headSize,
            model.vocabulary, model.context,
        ]
        return [
            .init("model_type", .string(model.type)), .init("sizes", .array(sizes.map { .integer(Int64($0)) })),
            .init("task_type", .string(task)), .init("labels", .integer(Int64(labels))),
        ]
    }
}

extension ChildRequest {
    /// - Throws: `PluginError` where it was written by another version of the host.
    init(_ json: JSON) throws(PluginError) {
        let reader = RequestReader(json: json)
        limits = ChildLimits()
        (limits.seconds, limits.memory) = (try reader.field("seconds", \.int), try reader.field("memory", \.int))
        let task = try reader.field("task", \.string)
        if task == "sandbox" {
            (self.task, library) = (.reportSandbox, nil)
            return
        }
        library = LibraryFile(
            path: try reader.field("path", \.string), identity: .init(numbers: try reader.integers("identity")))
        switch task {
        case "describe": self.task = .describe
        case "import": self.task = .importConfig(try reader.plugin(), try reader.importRequest())
        case "trace":
            let plugin = try reader.plugin()
            self.task = .trace(plugin, try reader.traceRequest(plugin))
        default: throw reader.error("task")
        }
    }
}

private struct RequestReader {
    let json: JSON

    func error(_ field: String) -> PluginError {
        PluginError(
            .incompatible, "cannot read the request's \(field)", place: TraceProgram.name,
            remedy: "use the one that came with this \(HostVersion.product)")
    }

    func field<T>(_ name: String, _ value: (JSON) -> T?) throws(PluginError) -> T {
        guard let value = json[name].flatMap(value) else { throw error(name) }
        return value
    }

    func integers(_ name: String) throws(PluginError) -> [Int] { try field(name) { $0.array?.compactMap(\.int) } }

    func plugin() throws(PluginError) -> PluginDescription {
        try PluginDescription(manifest: Array(field("manifest") { $0 }.text().utf8), place: field("path", \.string))
    }

    func model() throws(PluginError) -> ModelDescription {
        let sizes = try integers("sizes")
        guard sizes.count == 8 else { throw error("sizes") }
        return ModelDescription(
            type: try field("model_type", \.string), layers: sizes[0], hiddenSize: sizes[1],
            intermediateSize: sizes[2], heads: sizes[3], keyHeads: sizes[4], headSize: sizes[5], vocabulary: sizes[6],
            context: sizes[7])
    }

    func traceRequest(_ plugin: PluginDescription) throws(PluginError) -> TraceRequest {
        var sites: [SiteDescription] = []
        for json in try field("sites", \.array) {
            guard let site = SiteDescription(coded: json) else { throw error("sites") }
            sites.append(site)
        }
        var fields: [MethodProgram.Setting] = []
        for member in try field("fields", \.members) {
            guard let text = member.value.string else { throw error("fields") }
            fields.append(MethodProgram.Setting(name: member.key, json: text))
        }
        return TraceRequest(
            settings: try Settings(plugin, coded: field("settings") { $0 }), fields: fields, model: try model(),
            sites: sites, task: try field("task_type", \.string), labels: try field("labels", \.int))
    }

    func importRequest() throws(PluginError) -> ImportRequest {
        ImportRequest(
            config: try field("config") { $0 }, place: try field("place", \.string),
            tensors: Set(try field("tensors", \.array).compactMap(\.string)), model: try model(),
            task: try field("task_type", \.string), labels: try field("labels", \.int))
    }
}
