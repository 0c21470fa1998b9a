import Formats
import Programs

/// Which modules of a model a method is put into, by Hugging Face's fields and rules.
package struct TargetSelection: Equatable, Sendable {
    package enum Names: Equatable, Sendable {
        /// Each is a path, or what a path ends with from a dot on.
        case list([String])
        /// A regular expression over the whole path.
        case expression(String)
        /// Every linear layer but the head.
        case allLinear

        /// As `adapter_config.json` holds it.
        var json: JSON {
            switch self {
            case .list(let names): .array(names.map { .string($0) })
            case .expression(let text): .string(text)
            case .allLinear: "all-linear"
            }
        }
    }

    /// nil: the roles that the plugin names.
    package var targets: Names?
    package var excluded: Names?
    /// nil: all.
    package var layers: [Int]?
    package var layersPattern: [String] = []
    package var modulesToSave: [String] = []
    /// Whether a listed name that matches nothing is an error even where others match. What a user types is checked so;
    /// files from elsewhere often list names of several architectures.
    package var isStrict = true

    package init() {}

    /// The modules that are trained as they are, the head's included where the task has one.
    package func modulesToSave(task: String) -> [String] {
        modulesToSave + TargetSelection.heads(task: task).filter { !modulesToSave.contains($0) }
    }

    /// Hugging Face's names of a classification head.
    private static func heads(task: String) -> [String] {
        ["SEQ_CLS", "TOKEN_CLS"].contains(task) ? ["classifier", "score"] : []
    }

    /// Where the modules to save are, but for the head.
    ///
    /// - Parameters:
    ///   - program: the method that they are trained beside.
    ///   - sites: those of the modules whose path ends with a name.
    /// - Throws: `PluginError` where a name is no module's, or the method stands there itself.
    package func copySites(
        beside program: MethodProgram, task: String, _ sites: (String) -> [SiteDescription]
    ) throws(PluginError) -> [SiteDescription] {
        func fail(_ message: String, _ remedy: String) -> PluginError {
            PluginError(.setting, message, place: GeneralField.modulesToSave.rawValue, remedy: remedy)
        }
        var chosen: [SiteDescription] = []
        for name in modulesToSave where !TargetSelection.heads(task: task).contains(name) {
            let found = sites(name)
            if found.isEmpty, isStrict {
                throw fail("no module is named \"\(name)\"", suggestion(for: name, among: sites("").moduleNames))
            }
            chosen += found.filter { !chosen.contains($0) }
        }
        let taken = program.sites.map(\.site)
        let names = Set(taken.filter { [.linear, .embedding, .weight].contains($0.kind) }.flatMap(\.tensorNames))
        if let twice = chosen.first(where: { names.contains($0.tensorNames[0]) }) {
            throw fail(
                "\(twice.baseModule) would train in full, and \(program.method) stands there itself",
                "give modules by their whole names, and others as target_modules")
        }
        if chosen.contains(where: { $0.kind == .embedding }), taken.contains(where: { $0.kind == .prompt }) {
            throw fail(
                "the embedding table cannot train beside \(program.method): peft looks rows up in the frozen table "
                    + "where there are virtual tokens", "leave embed_tokens out")
        }
        return chosen
    }

    /// The sites that the plugin is offered, in the model's order: of linear and embedding sites those that match, of the
    /// other kinds all. To a plugin that trains weights alone: those of the modules that match, by default all.
    ///
    /// - Parameter task: Hugging Face's `task_type`.
    package func select(
        from sites: [SiteDescription], for plugin: PluginDescription, task: String
    ) throws(PluginError) -> [SiteDescription] {
        let offered = sites.filter { plugin.siteKinds.contains($0.kind) }
        let candidates = plugin.choosesWeights ? offered.map(\.ofModule) : offered.filter(\.isTarget)
        guard plugin.hasTargets else {
            // Files from elsewhere name the module that such a method stands in.
            guard !isStrict || targets == nil && excluded == nil && layers == nil else {
                let kinds = plugin.siteKinds.map(\.name).sorted().joined(separator: ", ")
                throw PluginError(
                    .setting, "\(plugin.id) has no targets to choose: it stands at \(kinds) sites",
                    place: "target_modules")
            }
            return offered
        }
        let included = try matcher(targets, field: "target_modules", plugin, candidates)
        let excluded = try self.excluded.map { names throws(PluginError) in
            try matcher(names, field: "exclude_modules", plugin, candidates)
        }
        try checkLayers(candidates)
        let saved = modulesToSave(task: task)
        let matched = candidates.filter(included)
        try checkNames(candidates, plugin)
        let chosen = matched.filter { site in
            if excluded?(site) ?? false { return false }
            if saved.contains(where: { isInside(site.module, $0) }) { return false }
            guard let layers else { return true }
            return ModulePattern.layer(of: site.module, after: layersPattern).map(layers.contains) ?? false
        }
        if chosen.isEmpty { throw nothingMatched(candidates, matched: matched, plugin) }
        let names = Set(chosen.map(\.module))
        return offered.filter { site in
            if plugin.choosesWeights { return names.contains(site.ofModule.module) }
            if site.isTarget { return names.contains(site.module) }
            return site.kind != .weight || !saved.contains { isInside(site.module, $0) }
        }
    }

    private func matcher(
        _ names: Names?, field: String, _ plugin: PluginDescription, _ candidates: [SiteDescription]
    ) throws(PluginError) -> (SiteDescription) -> Bool {
        switch names {
        case nil: return { plugin.choosesWeights || plugin.defaultRoles.contains($0.role) }
        case .allLinear: return { $0.kind == .linear && $0.role != .head }
        case .list(let names): return { site in names.contains { isNamed(site.module, $0) } }
        case .expression(let text):
            let pattern = try ModulePattern(path: text, field: field)
            var matched: Set<String> = []
            for site in candidates where try pattern.matches(site.module) { matched.insert(site.module) }
            return { matched.contains($0.module) }
        }
    }

    private func checkLayers(_ candidates: [SiteDescription]) throws(PluginError) {
        guard let layers else { return }
        if case .expression = targets {
            throw PluginError(
                .setting, "cannot be used with a regular expression as target_modules", place: "layers_to_transform",
                remedy: "give target_modules as a list")
        }
        let known = Set(candidates.compactMap { ModulePattern.layer(of: $0.module, after: layersPattern) })
        if isStrict, let unknown = layers.first(where: { !known.contains($0) }) {
            let range = known.isEmpty ? "no layers" : "layers \(known.min()!) to \(known.max()!)"
            throw PluginError(
                .setting, "there is no layer \(unknown); the model has \(range)", place: "layers_to_transform")
        }
    }

    private func checkNames(_ candidates: [SiteDescription], _ plugin: PluginDescription) throws(PluginError) {
        guard case .list(let names) = targets else { return }
        for name in names where !candidates.contains(where: { isNamed($0.module, name) }) {
            throw PluginError(
                .setting, "no module that \(plugin.id) can adapt is named \"\(name)\"", place: "target_modules",
                remedy: suggestion(for: name, among: suffixes(candidates)))
        }
    }

    private func nothingMatched(
        _ candidates: [SiteDescription], matched: [SiteDescription], _ plugin: PluginDescription
    ) -> PluginError {
        let name: String
        switch targets {
        case nil: name = plugin.defaultRoles.map(\.name).joined(separator: ",")
        case .allLinear: name = "all-linear"
        case .list(let names): name = names.joined(separator: ",")
        case .expression(let text): name = text
        }
        if !matched.isEmpty {
            return PluginError(
                .setting,
                "\"\(name)\" matches \(matched.count) modules, and exclude_modules, modules_to_save or layers_to_transform "
                    + "leave none of them", place: "target_modules")
        }
        return PluginError(
            .setting, "\"\(name)\" matches no module", place: "target_modules",
            remedy: "the nearest are \(nearest(to: name, among: suffixes(candidates)).joined(separator: ", "))")
    }

    private func suffixes(_ sites: [SiteDescription]) -> [String] {
        sites.compactMap { $0.module.split(separator: ".").last.map(String.init) }
    }
}

extension [SiteDescription] {
    /// The last parts of the paths of the modules.
    fileprivate var moduleNames: [String] { compactMap { $0.baseModule.split(separator: ".").last.map(String.init) } }
}

/// Whether the path is `name`, or ends with it from a dot on.
func isNamed(_ path: String, _ name: String) -> Bool { path == name || path.hasSuffix("." + name) }

/// Whether the path is or lies inside a module of that name.
private func isInside(_ path: String, _ name: String) -> Bool { ".\(path).".contains(".\(name).") }

extension SiteDescription {
    /// Whether `target_modules` chooses it.
    fileprivate var isTarget: Bool { kind == .linear || kind == .embedding }

    /// A weight under its module's name: `model.norm` of `model.norm.weight`.
    fileprivate var ofModule: SiteDescription {
        var site = self
        site.module = baseModule
        return site
    }
}
