import CPeftPlugin
import Programs

extension LoadedPlugin: TraceablePlugin {
    package func method(
        for request: TraceRequest, tokenize: @escaping (String) throws -> [Int32], warn: (String) -> Void
    ) throws(PluginError) -> MethodProgram {
        try method(for: request, tokenize: tokenize, warn: warn) { _ in }
    }

    /// - Parameters:
    ///   - calls: counts what the plugin asks of the host.
    ///   - announce: is told what is about to run of the plugin's code.
    func method(
        for request: TraceRequest, tokenize: @escaping (String) throws -> [Int32], calls: HostCalls? = nil,
        warn: (String) -> Void, announce: @escaping (String) -> Void
    ) throws(PluginError) -> MethodProgram {
        let trace = Trace(
            plugin: description, model: request.model, task: request.task, labels: request.labels,
            sites: request.sites, settings: request.fields, tokenize: tokenize, announce: announce)
        trace.calls = calls
        defer { trace.warnings.forEach(warn) }
        return try exclusively { () throws(PluginError) in
            try trace.plan(raw, request.settings)
            for index in trace.sites.indices { try trace.inject(raw, request.settings, index) }
            trace.values = request.settings.values
            trace.settings = request.settings
            if let method = raw.method {
                try trace.run(.method) { method(raw.`self`, $0) }
            }
            try trace.program.check(isMethodOf: description)
            try trace.checkKernels()
            return trace.program
        }
    }

    package func importConfig(_ request: ImportRequest) throws(PluginError) -> ImportedConfig? {
        try importConfig(request) { _ in }
    }

    func importConfig(
        _ request: ImportRequest, announce: @escaping (String) -> Void
    ) throws(PluginError) -> ImportedConfig? {
        guard let importConfig = raw.import_config else { return nil }
        var settings = Settings(defaultsOf: description)
        _ = try settings.read(request.config, place: request.place)
        let trace = Trace(
            plugin: description, model: request.model, task: request.task, labels: request.labels, sites: [],
            settings: [], tokenize: { _ in [] }, announce: announce)
        trace.importing = ConfigImport(config: request.config, settings: settings, tensors: request.tensors)
        try exclusively { () throws(PluginError) in
            try trace.run(.importConfig) { importConfig(raw.`self`, $0) }
        }
        return trace.importing?.result
    }
}

extension Trace {
    func plan(_ raw: peft_plugin, _ settings: Settings) throws(PluginError) {
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

    func inject(_ raw: peft_plugin, _ settings: Settings, _ index: Int) throws(PluginError) {
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
}
