/// The values of expressions.
extension TemplateRun {
    mutating func evaluate(_ expression: TemplateExpression) throws(ChatTemplateError) -> TemplateValue {
        try enter()
        defer { leave() }
        try spend(1)
        switch expression.kind {
        case .constant(let constant): return TemplateValue(constant)
        case .name(let name):
            line = expression.line
            return try value(named: name)
        case .list(let elements): return try list(try evaluate(all: elements))
        case .tuple(let elements): return try list(try evaluate(all: elements), .tuple)
        case .mapping(let members): return try mapping(members)
        case .attribute(let base, let name):
            let value = try evaluate(base)
            line = expression.line
            return try attribute(name, of: value)
        case .item(let base, let key):
            let (value, key) = (try evaluate(base), try evaluate(key))
            line = expression.line
            return try item(key, of: value)
        case .slice(let base, let start, let stop, let step):
            let value = try evaluate(base)
            let bounds = (try bound(start), try bound(stop), try bound(step))
            line = expression.line
            return try slice(value, from: bounds.0, to: bounds.1, by: bounds.2 ?? 1)
        case .call(let function, let arguments):
            let (function, values) = (try evaluate(function), try evaluate(arguments))
            line = expression.line
            return try call(function, values)
        case .filter(let base, let name, let arguments):
            let (value, values) = (try evaluate(base), try evaluate(arguments))
            line = expression.line
            return try filter(value, name, values)
        case .test(let base, let name, let arguments):
            let (value, values) = (try evaluate(base), try evaluate(arguments))
            line = expression.line
            return .bool(try test(value, name, values))
        case .not(let operand): return .bool(!(try evaluate(operand).isTrue))
        case .and(let left, let right):
            let value = try evaluate(left)
            return value.isTrue ? try evaluate(right) : value
        case .or(let left, let right):
            let value = try evaluate(left)
            return value.isTrue ? value : try evaluate(right)
        case .conditional(let condition, let then, let otherwise):
            if try evaluate(condition).isTrue { return try evaluate(then) }
            guard let otherwise else { return .undefined("value of an 'if' without 'else'") }
            return try evaluate(otherwise)
        case .comparison(let first, let rest):
            var left = try evaluate(first)
            for (comparator, operand) in rest {
                let right = try evaluate(operand)
                line = expression.line
                guard try compare(left, comparator, right) else { return .bool(false) }
                left = right
            }
            return .bool(true)
        case .concatenation(let parts):
            var out = ""
            for part in parts {
                out += try text(try evaluate(part))
                line = expression.line
                try spend(text: out)
            }
            return .string(out)
        case .arithmetic(let symbol, let left, let right):
            let (left, right) = (try evaluate(left), try evaluate(right))
            line = expression.line
            return try arithmetic(left, symbol, right)
        case .negative(let operand):
            let value = try evaluate(operand)
            line = expression.line
            if case .number(let number) = value { return .number(-number) }
            return try arithmetic(.integer(0), "-", try number(value, for: "-"))
        case .positive(let operand):
            let value = try evaluate(operand)
            line = expression.line
            return try number(value, for: "+")
        }
    }

    private mutating func evaluate(all expressions: [TemplateExpression]) throws(ChatTemplateError) -> [TemplateValue] {
        var values: [TemplateValue] = []
        for expression in expressions { values.append(try evaluate(expression)) }
        return values
    }

    private mutating func evaluate(_ arguments: TemplateArguments) throws(ChatTemplateError) -> TemplateCallArguments {
        var values = TemplateCallArguments(positional: try evaluate(all: arguments.positional))
        for argument in arguments.named { values.named.append((argument.name, try evaluate(argument.value))) }
        return values
    }

    /// Functions of the environment. `strftime_now` is left undefined on purpose: templates that ask whether it is there then
    /// use a fixed date, and the same data gives the same text every day; a date can be given as a variable.
    private static let globals: Set<String> = ["raise_exception", "namespace", "range", "dict"]
    /// Names that mean something in Jinja which is not implemented: taking them for undefined would be a guess.
    private static let refused: Set<String> = [
        "caller", "varargs", "kwargs", "self", "super", "lipsum", "cycler", "joiner",
    ]

    private func value(named name: String) throws(ChatTemplateError) -> TemplateValue {
        if let value = lookUp(name) { return value }
        if Self.globals.contains(name) { return .function(.global(name)) }
        if Self.refused.contains(name) {
            throw fail(.unsupported, "the name '\(name)' of Jinja is not known")
        }
        return .undefined("'\(name)'")
    }

    // MARK: Making values

    mutating func list(
        _ elements: [TemplateValue], _ kind: TemplateList.Kind = .list
    ) throws(ChatTemplateError) -> TemplateValue {
        try spend(1 + elements.count / 4)
        for element in elements { try checkElement(element) }
        return .list(elements, kind)
    }

    mutating func checkElement(_ element: TemplateValue) throws(ChatTemplateError) {
        guard element.isData else { throw fail(.unsupported, "\(element.kind) as an element of another value") }
        guard element.depth < ChatTemplateLimits.values else {
            throw fail(.limit, "values inside one another, deeper than \(ChatTemplateLimits.values) levels")
        }
    }

    private mutating func mapping(
        _ members: [(TemplateExpression, TemplateExpression)]
    ) throws(ChatTemplateError) -> TemplateValue {
        var mapping = TemplateMapping()
        for (key, value) in members {
            let (key, value) = (try evaluate(key), try evaluate(value))
            guard case .string(let name) = key else { throw fail(.unsupported, "a mapping's key that is \(key.kind)") }
            try checkElement(value)
            mapping.set(name, value)
        }
        return .mapping(mapping)
    }

    // MARK: Parts of values

    /// `value.name`: a method, or the member of that name.
    func attribute(_ name: String, of value: TemplateValue) throws(ChatTemplateError) -> TemplateValue {
        if Self.hasMethod(name, value) { return .function(.method(value, name)) }
        switch value {
        case .undefined(let what): throw fail(.value, "'.\(name)' of \(what), which is undefined")
        case .mapping(let mapping): return mapping[name] ?? missing(name)
        case .namespace(let namespace): return namespace.attributes[name] ?? missing(name)
        case .loop(let loop): return try loopAttribute(name, loop)
        default: return missing(name)
        }
    }

    /// `value[key]`: the member or element, else a method of that name.
    mutating func item(_ key: TemplateValue, of value: TemplateValue) throws(ChatTemplateError) -> TemplateValue {
        let shown = try text(key)
        if case .undefined(let what) = value { throw fail(.value, "'[\(shown)]' of \(what), which is undefined") }
        if case .undefined(let what) = key { throw fail(.value, "an item is asked for by \(what), which is undefined") }
        switch (value, key) {
        case (.mapping(let mapping), .string(let name)):
            if let member = mapping[name] { return member }
        case (.list(let list), .integer(let index)) where list.kind != .view:
            let place = index < 0 ? index + list.elements.count : index
            return list.elements.indices.contains(place) ? list.elements[place] : missing(shown)
        case (.string(let text), .integer(let index)):
            try spend(text: text)
            let scalars = text.unicodeScalars
            let count = scalars.count
            let place = index < 0 ? index + count : index
            guard (0..<count).contains(place) else { return missing(shown) }
            return .string(String(scalars[scalars.index(scalars.startIndex, offsetBy: place)]))
        default: break
        }
        if case .string(let name) = key, !name.isEmpty {
            if case .mapping = value, !Self.hasMethod(name, value) { return missing(name) }
            return try attribute(name, of: value)
        }
        return missing(shown)
    }

    private func missing(_ name: String) -> TemplateValue { .undefined("member '\(name)'") }

    private func loopAttribute(_ name: String, _ loop: TemplateLoopState) throws(ChatTemplateError) -> TemplateValue {
        let (index, count) = (loop.index, loop.elements.count)
        switch name {
        case "index": return .integer(index + 1)
        case "index0": return .integer(index)
        case "revindex": return .integer(count - index)
        case "revindex0": return .integer(count - index - 1)
        case "first": return .bool(index == 0)
        case "last": return .bool(index == count - 1)
        case "length": return .integer(count)
        // Jinja counts recursion, not loops inside one another.
        case "depth": return .integer(1)
        case "depth0": return .integer(0)
        case "previtem": return index > 0 ? loop.elements[index - 1] : .undefined("'loop.previtem'")
        case "nextitem": return index + 1 < count ? loop.elements[index + 1] : .undefined("'loop.nextitem'")
        default: throw fail(.unsupported, "'loop.\(name)' is not known")
        }
    }

    private mutating func bound(_ expression: TemplateExpression?) throws(ChatTemplateError) -> Int? {
        guard let expression else { return nil }
        switch try evaluate(expression) {
        case .none: return nil
        case .integer(let value): return value
        case .bool(let value): return value ? 1 : 0
        case let other: throw fail(.value, "a slice's bound that is \(other.kind)")
        }
    }

    private mutating func slice(
        _ value: TemplateValue, from start: Int?, to stop: Int?, by step: Int
    ) throws(ChatTemplateError) -> TemplateValue {
        guard step != 0 else { throw fail(.value, "a slice with step 0") }
        switch value {
        case .string(let text):
            try spend(text: text)
            let scalars = Array(text.unicodeScalars)
            var view = String.UnicodeScalarView()
            for place in Self.places(scalars.count, start, stop, step) { view.append(scalars[place]) }
            return .string(String(view))
        case .list(let list) where list.kind != .view:
            return try self.list(
                Self.places(list.elements.count, start, stop, step).map { list.elements[$0] }, list.kind)
        case .undefined(let what): throw fail(.value, "a slice of \(what), which is undefined")
        default: throw fail(.value, "a slice of \(value.kind)")
        }
    }

    /// The places that Python's `[start:stop:step]` takes of `count` elements.
    private static func places(_ count: Int, _ start: Int?, _ stop: Int?, _ step: Int) -> StrideTo<Int> {
        func clamp(_ bound: Int?, missing: Int) -> Int {
            guard let bound else { return missing }
            let (low, high) = step > 0 ? (0, count) : (-1, count - 1)
            return min(max(bound < 0 ? max(bound, -count - 1) + count : bound, low), high)
        }
        let first = clamp(start, missing: step > 0 ? 0 : count - 1)
        let end = clamp(stop, missing: step > 0 ? count : -1)
        // A step beyond the count takes one element at most, and must not overflow.
        return stride(from: first, to: end, by: min(max(step, -count - 1), count + 1))
    }

    /// What `for` goes through: elements, keys, characters. Something undefined has none.
    mutating func elements(of value: TemplateValue) throws(ChatTemplateError) -> [TemplateValue] {
        switch value {
        case .undefined: return []
        case .list(let list):
            try spend(1 + list.elements.count / 4)
            return list.elements
        case .mapping(let mapping):
            try spend(mapping.members.count)
            return mapping.members.map { .string($0.key) }
        case .string(let text):
            try spend(text.utf8.count)
            return text.unicodeScalars.map { .string(String($0)) }
        case .generator(let generator):
            let elements = generator.rest()
            try spend(1 + elements.count / 4)
            return elements
        default: throw fail(.value, "\(value.kind) cannot be gone through")
        }
    }
}
