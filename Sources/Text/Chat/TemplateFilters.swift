/// The filters: `value | name(arguments)`.
extension TemplateRun {
    mutating func filter(
        _ value: TemplateValue, _ name: String, _ arguments: TemplateCallArguments
    ) throws(ChatTemplateError) -> TemplateValue {
        var rest = arguments
        var result = try textFilter(value, name, &rest)
        if result == nil { result = try sequenceFilter(value, name, &rest) }
        guard let result else { throw fail(.unsupported, "the filter '\(name)' is not known") }
        try expectEmpty(rest, "the filter '\(name)'")
        return result
    }

    /// Filters that give a text, a number or the value itself; nil where the name is none of theirs.
    private mutating func textFilter(
        _ value: TemplateValue, _ name: String, _ arguments: inout TemplateCallArguments
    ) throws(ChatTemplateError) -> TemplateValue? {
        switch name {
        case "default", "d":
            let fallback = arguments.take("default_value") ?? .string("")
            let alsoFalse = arguments.take("boolean")?.isTrue ?? false
            return value.isUndefined || (alsoFalse && !value.isTrue) ? fallback : value
        case "trim":
            let text = try text(value)
            try spend(text: text)
            return .string(TemplateStrings.strip(text, try optionalString(&arguments, "chars", of: name)))
        case "upper", "lower", "capitalize":
            let text = try text(value)
            try spend(text: text)
            return .string(
                name == "upper"
                    ? TemplateStrings.uppercased(text)
                    : name == "lower" ? TemplateStrings.lowercased(text) : TemplateStrings.capitalized(text))
        case "string": return .string(try text(value))
        case "replace":
            let text = try text(value)
            let (old, new) = (arguments.take("old"), arguments.take("new"))
            guard let old, let new else { throw fail(.value, "'replace' without what and by what") }
            let limit = try count(&arguments, "count", of: name)
            return try replace(text, try self.text(old), try self.text(new), limit: limit)
        case "indent": return try indent(value, &arguments)
        case "tojson": return .string(try json(value, try layout(&arguments)))
        case "length", "count": return .integer(try length(value))
        case "int": return try integer(value, &arguments)
        case "float": return try float(value, &arguments)
        case "abs":
            switch try number(value, for: "abs") {
            case .number(let number): return .number(number.magnitude)
            case .integer(let number) where number != Int.min: return .integer(abs(number))
            default: throw fail(.limit, "'abs' gives a number beyond 64 bits")
            }
        case "join":
            let separator = try text(arguments.take("d") ?? .string(""))
            var parts: [String] = []
            for element in try mapped(try elements(of: value), attribute: arguments.take("attribute")) {
                parts.append(try text(element))
            }
            return .string(try join(parts, separator))
        default: return nil
        }
    }

    /// Filters that take or give several elements.
    private mutating func sequenceFilter(
        _ value: TemplateValue, _ name: String, _ arguments: inout TemplateCallArguments
    ) throws(ChatTemplateError) -> TemplateValue? {
        switch name {
        case "list": return try list(try elements(of: value))
        case "first":
            if case .generator(let generator) = value { return generator.next() ?? .undefined("first of nothing") }
            return try elements(of: value).first ?? .undefined("first of nothing")
        case "last":
            if case .generator = value { throw fail(.value, "'last' of a generator") }
            return try elements(of: value).last ?? .undefined("last of nothing")
        case "reverse":
            if case .string(let text) = value {
                try spend(text: text)
                return .string(TemplateStrings.reversed(text))
            }
            return .generator(TemplateGenerator(try elements(of: value).reversed()))
        case "items":
            if value.isUndefined { return .generator(TemplateGenerator([])) }
            guard case .mapping(let mapping) = value else { throw fail(.value, "'items' of \(value.kind)") }
            return .generator(TemplateGenerator(try pairs(mapping)))
        case "dictsort":
            guard case .mapping(let mapping) = value else { throw fail(.value, "'dictsort' of \(value.kind)") }
            return try list(try sorted(try pairs(mapping), by: .integer(0)))
        case "sort":
            let isReversed = arguments.take("reverse")?.isTrue ?? false
            let isSensitive = arguments.take("case_sensitive")?.isTrue ?? false
            let elements = try elements(of: value)
            let key = arguments.take("attribute")
            return try list(try sorted(elements, by: key, isSensitive: isSensitive, isReversed: isReversed))
        case "unique":
            var unique: [TemplateValue] = []
            for element in try elements(of: value) {
                let folded = Self.folded(element)
                var isNew = true
                for other in unique where try equal(Self.folded(other), folded) { isNew = false }
                if isNew { unique.append(element) }
            }
            return .generator(TemplateGenerator(unique))
        case "map": return .generator(TemplateGenerator(try map(try elements(of: value), &arguments)))
        case "select", "reject", "selectattr", "rejectattr":
            return .generator(TemplateGenerator(try select(try elements(of: value), name, &arguments)))
        default: return nil
        }
    }

    // MARK: Texts and numbers

    private mutating func indent(
        _ value: TemplateValue, _ arguments: inout TemplateCallArguments
    ) throws(ChatTemplateError) -> TemplateValue {
        let width: String
        switch arguments.take("width") ?? .integer(4) {
        case .string(let text): width = text
        case .integer(let count):
            try spend(bytes: max(0, count))
            width = String(repeating: " ", count: max(0, count))
        case let other: throw fail(.value, "'indent' by \(other.kind)")
        }
        let isFirst = arguments.take("first")?.isTrue ?? false
        let isBlank = arguments.take("blank")?.isTrue ?? false
        // An added newline, as in Jinja, so that a last one opens a line of its own.
        let lines = TemplateStrings.lines(try text(value) + "\n")
        try spend(bytes: lines.reduce(0) { $0 + $1.utf8.count + width.utf8.count + 1 })
        let indented = lines.enumerated().map { index, line in
            index == 0 ? (isFirst ? width : "") + line : line.isEmpty && !isBlank ? "" : width + line
        }
        return .string(indented.joined(separator: "\n"))
    }

    private func layout(_ arguments: inout TemplateCallArguments) throws(ChatTemplateError) -> JSONLayout {
        var layout = JSONLayout()
        // Positional arguments are in the order ensure_ascii, indent, separators, sort_keys.
        for name in ["ensure_ascii", "indent", "separators", "sort_keys"] {
            switch (name, arguments.take(name)) {
            case (_, nil), (_, .some(.none)), ("ensure_ascii", .bool(false)?), ("sort_keys", .bool(false)?): break
            case ("indent", .integer(let count)?) where (0...100).contains(count):
                layout.indent = String(repeating: " ", count: count)
                layout.separator = ","
            case ("indent", .string(let text)?):
                layout.indent = text
                layout.separator = ","
            case ("separators", .list(let list)?):
                guard list.elements.count == 2, case .string(let separator) = list.elements[0],
                    case .string(let colon) = list.elements[1]
                else { throw fail(.value, "'tojson' with separators that are not two strings") }
                (layout.separator, layout.colon) = (separator, colon)
            case (_, let value?): throw fail(.unsupported, "'tojson' with \(value.kind) for '\(name)'")
            }
        }
        return layout
    }

    private mutating func length(_ value: TemplateValue) throws(ChatTemplateError) -> Int {
        switch value {
        case .undefined: return 0
        case .string(let text):
            try spend(text: text)
            return text.unicodeScalars.count
        case .list(let list): return list.elements.count
        case .mapping(let mapping): return mapping.members.count
        case .loop(let loop): return loop.elements.count
        default: throw fail(.value, "'length' of \(value.kind)")
        }
    }

    private func integer(
        _ value: TemplateValue, _ arguments: inout TemplateCallArguments
    ) throws(ChatTemplateError) -> TemplateValue {
        let fallback = arguments.take("default") ?? .integer(0)
        switch value {
        case .integer: return value
        case .bool(let value): return .integer(value ? 1 : 0)
        case .number(let number):
            if !number.isFinite { return fallback }
            guard let whole = Int(exactly: number.rounded(.towardZero)) else {
                throw fail(.limit, "'int' gives a number beyond 64 bits")
            }
            return .integer(whole)
        case .string(let text):
            let digits = TemplateStrings.strip(text, nil)
            if let whole = Int(digits) { return .integer(whole) }
            guard digits.allSatisfy({ !$0.isNumber && $0 != "_" }) else {
                throw fail(.unsupported, "'int' of the text '\(digits)'")
            }
            return fallback
        case .undefined(let what): throw fail(.value, "'int' of \(what), which is undefined")
        default: return fallback
        }
    }

    private func float(
        _ value: TemplateValue, _ arguments: inout TemplateCallArguments
    ) throws(ChatTemplateError) -> TemplateValue {
        let fallback = arguments.take("default") ?? .number(0)
        switch value {
        case .number: return value
        case .integer(let value): return .number(Double(value))
        case .bool(let value): return .number(value ? 1 : 0)
        case .string(let text):
            let digits = TemplateStrings.strip(text, nil)
            let isPlain = !digits.isEmpty && digits.utf8.allSatisfy { "0123456789+-.eE".utf8.contains($0) }
            if isPlain, let number = Double(digits) { return .number(number) }
            guard digits.allSatisfy({ !$0.isNumber }), !["inf", "infinity", "nan"].contains(digits.lowercased()) else {
                throw fail(.unsupported, "'float' of the text '\(digits)'")
            }
            return fallback
        case .undefined(let what): throw fail(.value, "'float' of \(what), which is undefined")
        default: return fallback
        }
    }

    // MARK: Sequences

    /// `value.a.b` or `value[0]`, as filters name attributes; no attribute gives the value itself.
    private mutating func attribute(
        _ path: TemplateValue?, of element: TemplateValue
    ) throws(ChatTemplateError) -> TemplateValue {
        guard let path else { return element }
        guard case .string(let text) = path else { return try item(path, of: element) }
        var value = element
        for part in text.split(separator: ".", omittingEmptySubsequences: false) {
            value = try item(Int(part).map(TemplateValue.integer) ?? .string(String(part)), of: value)
        }
        return value
    }

    private mutating func mapped(
        _ elements: [TemplateValue], attribute path: TemplateValue?, fallback: TemplateValue? = nil
    ) throws(ChatTemplateError) -> [TemplateValue] {
        guard let path else { return elements }
        var values: [TemplateValue] = []
        for element in elements {
            let value = try attribute(path, of: element)
            if let fallback, value.isUndefined { values.append(fallback) } else { values.append(value) }
        }
        return values
    }

    private mutating func map(
        _ elements: [TemplateValue], _ arguments: inout TemplateCallArguments
    ) throws(ChatTemplateError) -> [TemplateValue] {
        if arguments.positional.isEmpty {
            guard let path = arguments.take("attribute") else {
                throw fail(.value, "'map' without filter or attribute")
            }
            return try mapped(elements, attribute: path, fallback: arguments.take("default"))
        }
        let name = try string(&arguments, "filter", of: "map")
        let rest = arguments
        arguments = TemplateCallArguments()
        var values: [TemplateValue] = []
        for element in elements { values.append(try filter(element, name, rest)) }
        return values
    }

    /// The elements for which the test holds, or does not; without a test those that are true.
    private mutating func select(
        _ elements: [TemplateValue], _ filter: String, _ arguments: inout TemplateCallArguments
    ) throws(ChatTemplateError) -> [TemplateValue] {
        var path: TemplateValue?
        if filter.hasSuffix("attr") {
            guard !arguments.positional.isEmpty else { throw fail(.value, "'\(filter)' without an attribute") }
            path = arguments.positional.removeFirst()
        }
        let testName = try optionalString(&arguments, "test", of: filter)
        let rest = arguments
        arguments = TemplateCallArguments()
        var kept: [TemplateValue] = []
        for element in elements {
            let value = try attribute(path, of: element)
            let holds = if let testName { try test(value, testName, rest) } else { value.isTrue }
            if holds == filter.hasPrefix("select") { kept.append(element) }
        }
        return kept
    }

    /// Texts in lower case, other values as they are: how Jinja sorts and compares unless told otherwise.
    private static func folded(_ value: TemplateValue) -> TemplateValue {
        if case .string(let text) = value { .string(TemplateStrings.lowercased(text)) } else { value }
    }

    /// A stable merge sort, which can stop at an error.
    private mutating func sorted(
        _ elements: [TemplateValue], by path: TemplateValue?, isSensitive: Bool = false, isReversed: Bool = false
    ) throws(ChatTemplateError) -> [TemplateValue] {
        var items: [(key: TemplateValue, value: TemplateValue)] = []
        for element in elements {
            let key = try attribute(path, of: element)
            items.append((isSensitive ? key : Self.folded(key), element))
        }
        var width = 1
        while width < items.count {
            var merged: [(key: TemplateValue, value: TemplateValue)] = []
            for start in stride(from: 0, to: items.count, by: 2 * width) {
                let (middle, end) = (min(start + width, items.count), min(start + 2 * width, items.count))
                var (left, right) = (start, middle)
                while left < middle, right < end {
                    let order = try order(items[left].key, items[right].key, for: "sort")
                    if isReversed ? order >= 0 : order <= 0 {
                        merged.append(items[left])
                        left += 1
                    } else {
                        merged.append(items[right])
                        right += 1
                    }
                }
                merged += items[left..<middle]
                merged += items[right..<end]
            }
            items = merged
            width *= 2
        }
        return items.map(\.value)
    }
}
