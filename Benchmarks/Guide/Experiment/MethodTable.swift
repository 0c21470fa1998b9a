import Formats

/// One method of the comparison, as methods.json has it.
package struct GuideMethod: Equatable, Sendable {
    /// As the tables call it.
    package var name: String
    /// Of the library: `lib<plugin>.so`.
    package var plugin: String
    /// Hyperparameters, names and values as in `-o`.
    package var options: [JSON.Member]
    /// What the ten epochs set beside or instead.
    package var tenEpochs: [JSON.Member]
    /// nil: the plugin's own default.
    package var learningRate: Double?
    /// What the reference calls the method, and its options where they are others; nil where it has none.
    package var peft: JSON?

    package init(
        name: String, plugin: String, options: [JSON.Member] = [], tenEpochs: [JSON.Member] = [],
        learningRate: Double? = nil, peft: JSON? = nil
    ) {
        self.name = name
        self.plugin = plugin
        self.options = options
        self.tenEpochs = tenEpochs
        self.learningRate = learningRate
        self.peft = peft
    }

    private init(_ json: JSON, _ place: String) throws(GuideError) {
        guard let name = json["name"]?.string, let plugin = json["plugin"]?.string else {
            throw GuideError("a method without \"name\" and \"plugin\": \(json.text())", place: place)
        }
        self.init(
            name: name, plugin: plugin, options: json["options"]?.members ?? [],
            tenEpochs: json["ten_epochs"]?.members ?? [], learningRate: json["learning_rate"]?.double,
            peft: json["peft"])
        let known = ["name", "plugin", "options", "ten_epochs", "learning_rate", "peft"]
        if let other = json.members?.first(where: { !known.contains($0.key) }) {
            throw GuideError("\"\(other.key)\" of \(name) is none of \(known.joined(separator: ", "))", place: place)
        }
    }

    /// The table, in its order.
    ///
    /// - Throws: errors that name what is missing or unknown.
    package static func read(_ path: String) throws -> [GuideMethod] {
        let json = try JSON.parse(MappedFile.content(path), place: path)
        guard let entries = json["methods"]?.array else {
            throw GuideError("there is no list \"methods\"", place: path)
        }
        return try entries.map { try GuideMethod($0, path) }
    }

    /// The methods that a user asks for, by plugin or name, in any case; all of them where nothing is asked for.
    package static func select(_ names: [String], from all: [GuideMethod]) throws(GuideError) -> [GuideMethod] {
        for name in names where !all.contains(where: { $0.isCalled(name) }) {
            throw GuideError(
                "there is no such method", place: name,
                remedy: "METHODS may hold \(all.map(\.plugin).joined(separator: ","))")
        }
        return names.isEmpty ? all : all.filter { method in names.contains(where: method.isCalled) }
    }

    private func isCalled(_ text: String) -> Bool { [name, plugin].contains { $0.lowercased() == text.lowercased() } }
}
