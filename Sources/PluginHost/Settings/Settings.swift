import Formats
import Programs

/// A method's hyperparameters and targets, resolved and checked: from the plugin's defaults, an `adapter_config.json` and
/// what the user gave, each over the one before.
package struct Settings: Equatable, Sendable {
    /// A per-site value: at the modules whose path ends with what `key`, a regular expression, matches.
    package struct SitePattern: Equatable, Sendable {
        package var hyperparameter: String
        package var key: String
        package var value: HyperparameterValue
    }

    package let plugin: PluginDescription
    package private(set) var values: [String: HyperparameterValue] = [:]
    /// In the file's order: the first that matches counts.
    package private(set) var patterns: [SitePattern] = []
    package var selection = TargetSelection()

    /// The plugin's defaults.
    package init(defaultsOf plugin: PluginDescription) {
        self.plugin = plugin
        for hyperparameter in plugin.hyperparameters { values[hyperparameter.name] = hyperparameter.defaultValue }
    }

    /// What `-o name=value` gives, in the order of the command line.
    package init(_ plugin: PluginDescription, options: [(name: String, text: String)]) throws(PluginError) {
        self.init(defaultsOf: plugin)
        for option in options { try set(option.name, text: option.text) }
        try checkComplete()
    }

    /// What an `adapter_config.json` holds.
    ///
    /// A field that neither the method nor the host knows is an error unless it says "off" (null, false, empty).
    ///
    /// - Parameter place: the file.
    package init(_ plugin: PluginDescription, config: JSON, place: String) throws(PluginError) {
        self.init(defaultsOf: plugin)
        if let problem = try read(config, place: place).first { throw problem.error }
    }

    /// Takes over the fields that are understood, and returns why each of the others is not.
    mutating func read(
        _ config: JSON, place: String
    ) throws(PluginError) -> [(field: String, error: PluginError)] {
        selection.isStrict = false
        guard let members = config.members else {
            throw PluginError(.setting, "is no JSON object", place: place)
        }
        var problems: [(field: String, error: PluginError)] = []
        for member in members {
            let before = self
            do throws(PluginError) {
                if isKnown(member.key) {
                    try set(member.key, json: member.value)
                } else if !GeneralField.isOff(member.key, member.value) {
                    throw unknown(member.key)
                }
            } catch {
                self = before
                let error = PluginError(
                    error.code, "\(error.place): \(error.message)", place: place, remedy: error.remedy)
                problems.append((member.key, error))
            }
        }
        return problems
    }

    // MARK: Reading

    /// The values at one site: the general ones, with the first pattern that matches its path over them.
    package func values(at module: String) throws(PluginError) -> [String: HyperparameterValue] {
        var result = values
        var found: Set<String> = []
        for pattern in patterns where !found.contains(pattern.hyperparameter) {
            if try ModulePattern(key: pattern.key, field: field(of: pattern)).matches(module) {
                result[pattern.hyperparameter] = pattern.value
                found.insert(pattern.hyperparameter)
            }
        }
        return result
    }

    /// Every field as `adapter_config.json` holds it: hyperparameters, patterns, targets where the method has any.
    ///
    /// - Parameter task: Hugging Face's `task_type`, whose head is then among the modules to save.
    package func fields(task: String = "") -> [JSON.Member] {
        var fields = plugin.hyperparameters.map { JSON.Member($0.name, values[$0.name]?.json ?? .null) }
        for hyperparameter in plugin.hyperparameters {
            guard let field = hyperparameter.patternField else { continue }
            let members = patterns.filter { $0.hyperparameter == hyperparameter.name }.map {
                JSON.Member($0.key, $0.value.json)
            }
            fields.append(JSON.Member(field, .object(members)))
        }
        let layers = selection.layers?.map { JSON.integer(Int64($0)) }
        func list(_ names: [String]) -> JSON { names.isEmpty ? .null : .array(names.map { .string($0) }) }
        if plugin.hasTargets {
            fields += [
                JSON.Member("target_modules", selection.targets?.json ?? .null),
                JSON.Member("exclude_modules", selection.excluded?.json ?? .null),
                JSON.Member("layers_to_transform", layers.map { .array($0) } ?? .null),
                JSON.Member("layers_pattern", list(selection.layersPattern)),
            ]
        }
        return fields + [JSON.Member("modules_to_save", list(selection.modulesToSave(task: task)))]
    }

    private func field(of pattern: SitePattern) -> String {
        plugin.hyperparameters.first { $0.name == pattern.hyperparameter }?.patternField ?? pattern.hyperparameter
    }

    /// Whether every hyperparameter has a value.
    package func checkComplete() throws(PluginError) {
        for hyperparameter in plugin.hyperparameters
        where hyperparameter.isRequired && values[hyperparameter.name] == nil {
            throw PluginError(
                .setting, "\(plugin.id) needs a value: \(hyperparameter.summary)", place: hyperparameter.name,
                remedy: "give it with -o \(hyperparameter.name)=…, \(hyperparameter.rule)")
        }
    }

    /// Whether every pattern matches one of the modules that the method was put into.
    func checkPatterns(at modules: [String]) throws(PluginError) {
        guard selection.isStrict else { return }
        for pattern in patterns {
            let key = try ModulePattern(key: pattern.key, field: field(of: pattern))
            var isUsed = false
            for module in modules where !isUsed { isUsed = try key.matches(module) }
            guard !isUsed else { continue }
            let suffixes = modules.compactMap { $0.split(separator: ".").last.map(String.init) }
            throw PluginError(
                .setting, "\"\(pattern.key)\" matches none of the \(modules.count) modules that \(plugin.id) adapts",
                place: field(of: pattern), remedy: suggestion(for: pattern.key, among: suffixes))
        }
    }

    // MARK: Setting

    /// Fills in a hyperparameter that the host derives, unless it has a value.
    package mutating func derive(_ name: String, _ value: HyperparameterValue) {
        guard let hyperparameter = plugin.hyperparameters.first(where: { $0.name == name && $0.isDerived }) else {
            return
        }
        if values[name] == nil || values[name] == hyperparameter.defaultValue { values[name] = value }
    }

    /// Gives every hyperparameter that the host would derive from a run, and that has no value, one that it allows: for
    /// what does not depend on the run, such as counts.
    package mutating func fillDerived() {
        for hyperparameter in plugin.hyperparameters
        where hyperparameter.isDerived && values[hyperparameter.name] == nil {
            derive(hyperparameter.name, hyperparameter.nominalValue)
        }
    }

    /// Sets a field from what a user typed.
    package mutating func set(_ name: String, text: String) throws(PluginError) {
        if let hyperparameter = plugin.hyperparameters.first(where: { $0.name == name }) {
            let isNull = hyperparameter.isNullable && text.trimmed == "null"
            try set(
                hyperparameter, isNull ? .null : HyperparameterValue(text: text, as: hyperparameter.type), shown: text)
        } else if isKnown(name) {
            try set(name, json: typed(text, field: name))
        } else {
            throw unknown(name)
        }
    }

    /// The JSON that a user means who types this for one of the host's fields.
    private func typed(_ text: String, field: String) throws(PluginError) -> JSON {
        let text = text.trimmed
        if let first = text.first, "[{\"".contains(first) {
            do throws(FormatError) {
                return try JSON.parse(text.utf8, place: field)
            } catch {
                throw PluginError(.setting, "\(text.prefix(80)): \(error.message)", place: field)
            }
        }
        if text == "null" { return .null }
        let words = text.split(separator: ",").map(\.trimmed)
        let numbers = words.compactMap { Int64($0) }
        if !words.isEmpty, numbers.count == words.count { return .array(numbers.map { .integer($0) }) }
        // Names and commas are a list; anything else is an expression.
        let isList =
            text != "all-linear"
            && words.allSatisfy { $0.utf8.allSatisfy(isNameByte) && !$0.isEmpty && !$0.contains("+") }
        return isList ? .array(words.map { .string($0) }) : .string(text)
    }

    /// Sets a field from its JSON value.
    mutating func set(_ name: String, json: JSON) throws(PluginError) {
        if let hyperparameter = plugin.hyperparameters.first(where: { $0.name == name }) {
            let value = json.isNull ? .null : HyperparameterValue(json, as: hyperparameter.type)
            try set(hyperparameter, value, shown: json.text())
        } else if let hyperparameter = plugin.hyperparameters.first(where: { $0.patternField == name }) {
            guard let members = json.isNull ? [] : json.members else {
                throw PluginError(
                    .setting, "\(json.text().prefix(80)) is no JSON object", place: name,
                    remedy: "write {\"q_proj\": …}")
            }
            patterns.removeAll { $0.hyperparameter == hyperparameter.name }
            for member in members { try addPattern(hyperparameter, member.key, member.value) }
        } else if let field = GeneralField(rawValue: name) {
            try set(field, json)
        } else {
            throw unknown(name)
        }
    }

    private mutating func set(
        _ hyperparameter: Hyperparameter, _ value: HyperparameterValue?, shown text: String
    ) throws(PluginError) {
        guard let value, hyperparameter.allows(value) else {
            throw PluginError(
                .setting, "\(text.prefix(80).replacing("\n", with: " ")) is not \(hyperparameter.rule)",
                place: hyperparameter.name)
        }
        values[hyperparameter.name] = value
    }

    private mutating func addPattern(_ hyperparameter: Hyperparameter, _ key: String, _ json: JSON) throws(PluginError)
    {
        let field = hyperparameter.patternField ?? hyperparameter.name
        _ = try ModulePattern(key: key, field: field)
        let value = json.isNull ? .null : HyperparameterValue(json, as: hyperparameter.type)
        guard let value, hyperparameter.allows(value) else {
            throw PluginError(
                .setting, "\(json.text().prefix(80)) at \"\(key)\" is not \(hyperparameter.rule)", place: field)
        }
        patterns.append(SitePattern(hyperparameter: hyperparameter.name, key: key, value: value))
    }

    /// A per-site value that a plugin derives from a foreign configuration.
    mutating func addPattern(_ name: String, key: String, _ json: JSON) throws(PluginError) {
        guard let hyperparameter = plugin.hyperparameters.first(where: { $0.name == name && $0.patternField != nil })
        else {
            throw PluginError(.setting, "is no per-site hyperparameter of \(plugin.id)", place: name)
        }
        try addPattern(hyperparameter, key, json)
    }

    private mutating func set(_ field: GeneralField, _ json: JSON) throws(PluginError) {
        func fail(_ rule: String) -> PluginError {
            PluginError(.setting, "\(json.text().prefix(80)) is not \(rule)", place: field.rawValue)
        }
        let strings = json.isNull ? [] : HyperparameterValue(json, as: .stringList)?.allStrings
        switch field {
        case .targetModules, .excludeModules:
            let names: TargetSelection.Names?
            if let strings {
                guard json.isNull || !strings.isEmpty || field == .excludeModules else {
                    throw fail("a list of one module or more")
                }
                names = strings.isEmpty ? nil : .list(strings)
            } else if let text = json.string {
                if text != "all-linear" { _ = try ModulePattern(path: text, field: field.rawValue) }
                names = text == "all-linear" ? .allLinear : .expression(text)
            } else {
                throw fail("a list of modules, a regular expression or all-linear")
            }
            if field == .targetModules { selection.targets = names } else { selection.excluded = names }
        case .layersToTransform:
            let numbers = json.isNull ? [] : json.int.map { [$0] } ?? json.array.map { $0.compactMap(\.int) }
            guard let numbers, numbers.count == json.array?.count ?? numbers.count, numbers.allSatisfy({ $0 >= 0 })
            else {
                throw fail("a layer's number or a list of them")
            }
            selection.layers = numbers.isEmpty ? nil : numbers
        case .layersPattern:
            guard let names = json.string.map({ [$0] }) ?? strings else { throw fail("a name or a list of names") }
            selection.layersPattern = names
        case .modulesToSave:
            guard let strings else { throw fail("a list of modules") }
            selection.modulesToSave = strings.reduce(into: []) { if !$0.contains($1) { $0.append($1) } }
        }
    }

    // MARK: Names

    private var knownNames: [String] {
        plugin.hyperparameters.flatMap { [$0.name] + ($0.patternField.map { [$0] } ?? []) }
            + GeneralField.allCases.map(\.rawValue)
    }

    private func isKnown(_ name: String) -> Bool { knownNames.contains(name) }

    private func unknown(_ name: String) -> PluginError {
        PluginError(
            .setting, "\(plugin.id) has no hyperparameter of this name", place: name,
            remedy: suggestion(for: name, among: knownNames))
    }
}
