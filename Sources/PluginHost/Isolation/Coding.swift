import Formats
import Programs

// The JSON in which the host and its child tell each other of sites, settings and errors.

extension SiteDescription {
    var coded: JSON {
        let numbers =
            [
                kind.rawValue, role.rawValue, layer, inputs, outputs, hasBias ? 1 : 0, headCount, keyHeadCount,
                headSize,
            ] + shape
        return .array([.string(module)] + numbers.map { .integer(Int64($0)) })
    }

    init?(coded: JSON) {
        guard let parts = coded.array, let module = parts.first?.string else { return nil }
        let numbers = parts.dropFirst().compactMap(\.int)
        guard numbers.count == parts.count - 1, numbers.count >= 9, let kind = SiteKind(rawValue: numbers[0]),
            let role = SiteRole(rawValue: numbers[1])
        else { return nil }
        self.init(
            kind, role, layer: numbers[2], module: module, inputs: numbers[3], outputs: numbers[4],
            hasBias: numbers[5] == 1)
        (headCount, keyHeadCount, headSize) = (numbers[6], numbers[7], numbers[8])
        shape = Array(numbers[9...])
    }
}

extension Settings {
    /// What a trace needs of them: the values that are not the plugin's defaults, and those of single sites. The targets
    /// are chosen already.
    var coded: JSON {
        let own = plugin.hyperparameters.compactMap { hyperparameter -> JSON.Member? in
            let value = values[hyperparameter.name]
            return value == hyperparameter.defaultValue ? nil : value.map { JSON.Member(hyperparameter.name, $0.json) }
        }
        return [
            "values": .object(own),
            "patterns": .array(patterns.map { [.string($0.hyperparameter), .string($0.key), $0.value.json] }),
            "is_strict": .bool(selection.isStrict),
        ]
    }

    init(_ plugin: PluginDescription, coded: JSON) throws(PluginError) {
        self.init(defaultsOf: plugin)
        for member in coded["values"]?.members ?? [] { try set(member.key, json: member.value) }
        for pattern in coded["patterns"]?.array ?? [] {
            guard let parts = pattern.array, parts.count == 3, let name = parts[0].string, let key = parts[1].string
            else { continue }
            try addPattern(name, key: key, parts[2])
        }
        selection.isStrict = coded["is_strict"]?.bool ?? true
    }
}

extension ImportedConfig {
    var coded: JSON {
        let changes = changes.map { change -> JSON in
            .array([.string(change.name), change.value] + (change.key.map { [.string($0)] } ?? []))
        }
        return ["changes": .array(changes), "seen": .array(seen.sorted().map { .string($0) })]
    }

    init?(coded: JSON) {
        guard let changes = coded["changes"]?.array, let seen = coded["seen"]?.array else { return nil }
        self.init()
        self.seen = Set(seen.compactMap(\.string))
        for change in changes {
            guard let parts = change.array, (2...3).contains(parts.count), let name = parts[0].string else {
                return nil
            }
            let key = parts.count == 3 ? parts[2].string : nil
            guard parts.count == 2 || key != nil else { return nil }
            self.changes.append(Change(name: name, key: key, value: parts[1]))
        }
    }
}

extension PluginError {
    var coded: JSON {
        [
            "code": .string(code.rawValue), "message": .string(message), "place": .string(place),
            "remedy": .string(remedy),
        ]
    }

    /// An error that a child sent, on one line and of a length that can be read.
    init?(coded: JSON) {
        guard let code = coded["code"]?.string.flatMap(Code.init), let message = coded["message"]?.string,
            let place = coded["place"]?.string, let remedy = coded["remedy"]?.string
        else { return nil }
        self.init(code, message.onOneLine(2000), place: place.onOneLine(1000), remedy: remedy.onOneLine(2000))
    }
}

extension String {
    /// For one line of an error: control characters escaped, cut to `count` characters.
    func onOneLine(_ count: Int) -> String {
        let scalars = unicodeScalars.prefix(count)
        let text = scalars.map { $0.value < 0x20 || $0.value == 0x7F ? $0.escaped(asASCII: true) : String($0) }.joined()
        return scalars.endIndex == unicodeScalars.endIndex ? text : text + "…"
    }
}
