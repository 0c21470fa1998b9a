/// Calls: macros, the environment's functions, methods of values.
extension TemplateRun {
    mutating func call(
        _ function: TemplateValue, _ arguments: TemplateCallArguments
    ) throws(ChatTemplateError) -> TemplateValue {
        guard case .function(let function) = function else {
            if case .undefined(let what) = function {
                throw fail(.unsupported, "a call of \(what), which is undefined")
            }
            throw fail(.value, "a call of \(function.kind)")
        }
        switch function {
        case .macro(let macro): return try call(macro, arguments)
        case .global(let name): return try callGlobal(name, arguments)
        case .method(let value, let name):
            var rest = arguments
            let result = try callMethod(name, of: value, &rest)
            try expectEmpty(rest, "the method '\(name)'")
            return result
        }
    }

    /// Throws where arguments are left that nothing has taken.
    func expectEmpty(_ arguments: TemplateCallArguments, _ what: String) throws(ChatTemplateError) {
        if let name = arguments.named.first?.name { throw fail(.unsupported, "the argument '\(name)' of \(what)") }
        guard arguments.positional.isEmpty else { throw fail(.value, "too many arguments for \(what)") }
    }

    private mutating func callGlobal(
        _ name: String, _ arguments: TemplateCallArguments
    ) throws(ChatTemplateError) -> TemplateValue {
        var arguments = arguments
        switch name {
        case "raise_exception":
            let message = try text(arguments.take("message") ?? .undefined("'message'"))
            throw fail(.refused, message)
        case "namespace":
            let namespace = TemplateNamespace()
            for (name, value) in arguments.named {
                guard value.isData else { throw fail(.unsupported, "\(value.kind) in a namespace") }
                namespace.attributes[name] = value
            }
            arguments.named = []
            try expectEmpty(arguments, "'namespace'")
            return .namespace(namespace)
        case "dict":
            var mapping = TemplateMapping()
            for (name, value) in arguments.named {
                try checkElement(value)
                mapping.set(name, value)
            }
            arguments.named = []
            try expectEmpty(arguments, "'dict'")
            return .mapping(mapping)
        default:
            return try range(arguments)
        }
    }

    private mutating func range(_ arguments: TemplateCallArguments) throws(ChatTemplateError) -> TemplateValue {
        var bounds: [Int] = []
        for argument in arguments.positional {
            guard case .integer(let bound)? = argument.asNumber else {
                throw fail(.value, "'range' with \(argument.kind)")
            }
            bounds.append(bound)
        }
        guard arguments.named.isEmpty, (1...3).contains(bounds.count), bounds.count < 3 || bounds[2] != 0 else {
            throw fail(.value, "'range' takes one to three integers, the last of which is not 0")
        }
        let start = bounds.count > 1 ? bounds[0] : 0
        var elements: [TemplateValue] = []
        for value in stride(
            from: start, to: bounds.count > 1 ? bounds[1] : bounds[0], by: bounds.count > 2 ? bounds[2] : 1)
        {
            try spend(1)
            elements.append(.integer(value))
        }
        return try list(elements, .range)
    }

    // MARK: Methods

    private static let stringMethods: Set<String> = [
        "split", "rsplit", "splitlines", "strip", "lstrip", "rstrip", "startswith", "endswith", "upper", "lower",
        "capitalize", "replace", "find", "count", "join", "removeprefix", "removesuffix", "isdigit", "isspace",
    ]
    /// The other methods of Python's strings: asking for one is an error at the call, not something undefined.
    private static let otherStringMethods: Set<String> = [
        "title", "format", "format_map", "index", "rindex", "rfind", "partition", "rpartition", "zfill", "center",
        "ljust", "rjust", "swapcase", "casefold", "isalpha", "isalnum", "isdecimal", "isnumeric", "isidentifier",
        "islower", "isupper", "istitle", "isprintable", "isascii", "encode", "expandtabs", "translate", "maketrans",
    ]
    private static let mappingMethods: Set<String> = [
        "get", "items", "keys", "values", "pop", "popitem", "update", "setdefault", "clear", "copy", "fromkeys",
    ]
    private static let listMethods: Set<String> = [
        "count", "index", "append", "extend", "insert", "pop", "remove", "reverse", "sort", "clear", "copy",
    ]
    private static let loopMethods: Set<String> = ["cycle", "changed"]

    static func hasMethod(_ name: String, _ value: TemplateValue) -> Bool {
        switch value {
        case .string: stringMethods.contains(name) || otherStringMethods.contains(name)
        case .mapping: mappingMethods.contains(name)
        case .list(let list): list.kind == .list && listMethods.contains(name)
        case .loop: loopMethods.contains(name)
        default: false
        }
    }

    private mutating func callMethod(
        _ name: String, of value: TemplateValue, _ arguments: inout TemplateCallArguments
    ) throws(ChatTemplateError) -> TemplateValue {
        switch (value, name) {
        case (.string(let text), _): return try callString(name, text, &arguments)
        case (.mapping(let mapping), "get"):
            guard let key = arguments.take("key") else { throw fail(.value, "'get' without a key") }
            let fallback = arguments.take("default") ?? .none
            guard case .string(let key) = key else { return fallback }
            return mapping[key] ?? fallback
        case (.mapping(let mapping), "items"): return try list(try pairs(mapping), .view)
        case (.mapping(let mapping), "keys"): return try list(mapping.members.map { .string($0.key) }, .view)
        case (.mapping(let mapping), "values"): return try list(mapping.members.map(\.value), .view)
        case (.loop(let loop), "cycle"):
            guard !arguments.positional.isEmpty else { throw fail(.value, "'loop.cycle' without arguments") }
            defer { arguments.positional = [] }
            return arguments.positional[loop.index % arguments.positional.count]
        case (.list(let list), "count"):
            guard let element = arguments.take("value") else { throw fail(.value, "'count' without a value") }
            var count = 0
            for candidate in list.elements where try equal(candidate, element) { count += 1 }
            return .integer(count)
        default:
            throw fail(.unsupported, "the method '\(name)' of \(value.kind) (templates cannot change values)")
        }
    }

    /// The members as tuples of key and value.
    mutating func pairs(_ mapping: TemplateMapping) throws(ChatTemplateError) -> [TemplateValue] {
        var pairs: [TemplateValue] = []
        for (key, value) in mapping.members { pairs.append(try list([.string(key), value], .tuple)) }
        return pairs
    }

    private mutating func callString(
        _ name: String, _ text: String, _ arguments: inout TemplateCallArguments
    ) throws(ChatTemplateError) -> TemplateValue {
        try spend(text: text)
        switch name {
        case "upper": return .string(TemplateStrings.uppercased(text))
        case "lower": return .string(TemplateStrings.lowercased(text))
        case "capitalize": return .string(TemplateStrings.capitalized(text))
        case "strip", "lstrip", "rstrip":
            let characters = try optionalString(&arguments, "chars", of: name)
            return .string(
                TemplateStrings.strip(text, characters, left: name != "rstrip", right: name != "lstrip"))
        case "startswith", "endswith":
            let isPrefix = name == "startswith"
            for part in try alternatives(&arguments, of: name)
            where isPrefix ? TemplateStrings.hasPrefix(text, part) : TemplateStrings.hasSuffix(text, part) {
                return .bool(true)
            }
            return .bool(false)
        case "removeprefix":
            let part = try string(&arguments, "prefix", of: name)
            let isThere = TemplateStrings.hasPrefix(text, part)
            return .string(isThere ? String(text.unicodeScalars.dropFirst(part.unicodeScalars.count)) : text)
        case "removesuffix":
            let part = try string(&arguments, "suffix", of: name)
            let isThere = TemplateStrings.hasSuffix(text, part)
            return .string(isThere ? String(text.unicodeScalars.dropLast(part.unicodeScalars.count)) : text)
        case "split", "rsplit": return try split(text, fromRight: name == "rsplit", &arguments)
        case "splitlines": return try list(TemplateStrings.lines(text).map(TemplateValue.string))
        case "replace":
            let (old, new) = (try string(&arguments, "old", of: name), try string(&arguments, "new", of: name))
            return try replace(text, old, new, limit: try count(&arguments, "count", of: name))
        case "find":
            let part = try string(&arguments, "sub", of: name)
            guard let place = TemplateStrings.places(of: part, in: text).first else { return .integer(-1) }
            return .integer(
                text.unicodeScalars.distance(
                    from: text.startIndex, to: text.utf8.index(text.startIndex, offsetBy: place)))
        case "count":
            let part = try string(&arguments, "sub", of: name)
            return .integer(
                part.isEmpty ? text.unicodeScalars.count + 1 : TemplateStrings.places(of: part, in: text).count)
        case "join":
            guard let parts = arguments.take("iterable") else { throw fail(.value, "'join' without a list") }
            var strings: [String] = []
            for part in try elements(of: parts) {
                guard case .string(let part) = part else { throw fail(.value, "'join' of \(part.kind)") }
                strings.append(part)
            }
            return .string(try join(strings, text))
        case "isdigit":
            return .bool(
                !text.isEmpty
                    && text.unicodeScalars.allSatisfy {
                        $0.properties.numericType != nil && $0.properties.numericType != .numeric
                    })
        case "isspace": return .bool(!text.isEmpty && text.unicodeScalars.allSatisfy(\.isPythonSpace))
        default: throw fail(.unsupported, "the method '\(name)' of a string")
        }
    }

    private mutating func split(
        _ text: String, fromRight: Bool, _ arguments: inout TemplateCallArguments
    ) throws(ChatTemplateError) -> TemplateValue {
        let separator = try optionalString(&arguments, "sep", of: "split")
        let limit = try count(&arguments, "maxsplit", of: "split")
        try spend(text.utf8.count / 4)
        guard let separator else {
            let words = TemplateStrings.words(text, limit: limit, fromRight: fromRight)
            return try list(words.map(TemplateValue.string))
        }
        guard !separator.isEmpty else { throw fail(.value, "'split' by an empty text") }
        let parts = TemplateStrings.split(text, by: separator, limit: limit, fromRight: fromRight)
        return try list(parts.map(TemplateValue.string))
    }

    /// The text with `new` for `old`, its size checked first.
    mutating func replace(
        _ text: String, _ old: String, _ new: String, limit: Int
    ) throws(ChatTemplateError) -> TemplateValue {
        let places = old.isEmpty ? text.unicodeScalars.count + 1 : TemplateStrings.places(of: old, in: text).count
        try spend(bytes: text.utf8.count + min(places, limit) * new.utf8.count)
        return .string(TemplateStrings.replace(text, old, new, limit: limit))
    }

    mutating func join(_ parts: [String], _ separator: String) throws(ChatTemplateError) -> String {
        try spend(bytes: parts.reduce(0) { $0 + $1.utf8.count + separator.utf8.count })
        return parts.joined(separator: separator)
    }

    // MARK: Arguments

    func optionalString(
        _ arguments: inout TemplateCallArguments, _ name: String, of what: String
    ) throws(ChatTemplateError) -> String? {
        switch arguments.take(name) {
        case nil, .some(.none): return nil
        case .string(let text)?: return text
        case let other?: throw fail(.value, "'\(what)' with \(other.kind) for '\(name)'")
        }
    }

    func string(
        _ arguments: inout TemplateCallArguments, _ name: String, of what: String
    ) throws(ChatTemplateError) -> String {
        guard let text = try optionalString(&arguments, name, of: what) else {
            throw fail(.value, "'\(what)' without '\(name)'")
        }
        return text
    }

    /// A count argument; missing or negative it means all.
    func count(
        _ arguments: inout TemplateCallArguments, _ name: String, of what: String
    ) throws(ChatTemplateError) -> Int {
        switch arguments.take(name) {
        case nil, .some(.none): return Int.max
        case .integer(let count)?: return count < 0 ? Int.max : count
        case let other?: throw fail(.value, "'\(what)' with \(other.kind) for '\(name)'")
        }
    }

    /// One string or a tuple of them.
    private func alternatives(
        _ arguments: inout TemplateCallArguments, of what: String
    ) throws(ChatTemplateError) -> [String] {
        guard case .list(let list)? = arguments.positional.first, list.kind == .tuple else {
            return [try string(&arguments, "prefix", of: what)]
        }
        arguments.positional.removeFirst()
        return list.elements.compactMap { if case .string(let text) = $0 { text } else { nil } }
    }
}
