import Formats

/// A value as templates see it: Python's, as far as templates can tell.
enum TemplateValue {
    /// Nothing of that name; it prints as nothing, and most uses of it are errors that say the name.
    case undefined(String)
    case none
    case bool(Bool)
    case integer(Int)
    case number(Double)
    case string(String)
    case list(TemplateList)
    case mapping(TemplateMapping)
    case namespace(TemplateNamespace)
    /// What `map` and `select` make: to be gone through once.
    case generator(TemplateGenerator)
    case loop(TemplateLoopState)
    case function(TemplateFunction)
}

/// A list, or what behaves like one. `depth` bounds the recursion of all that walks through values.
struct TemplateList {
    enum Kind { case list, tuple, range, view }

    var elements: [TemplateValue]
    var kind: Kind
    var depth: Int
}

/// A mapping from strings, in order of insertion.
struct TemplateMapping {
    private(set) var members: [(key: String, value: TemplateValue)] = []
    /// Keys as UTF-8 bytes: Swift's strings would take equal-looking ones for equal.
    private var places: [[UInt8]: Int] = [:]
    var depth = 1

    subscript(key: String) -> TemplateValue? { places[Array(key.utf8)].map { members[$0].value } }

    /// Of equal keys the last value counts, at the first one's place, as in Python.
    mutating func set(_ key: String, _ value: TemplateValue) {
        if let place = places[Array(key.utf8)] {
            members[place].value = value
        } else {
            places[Array(key.utf8)] = members.count
            members.append((key, value))
        }
        depth = max(depth, value.depth + 1)
    }
}

/// `namespace(…)`: the only thing whose content can change. It cannot be an element of another value.
final class TemplateNamespace {
    var attributes: [String: TemplateValue] = [:]
}

final class TemplateGenerator {
    private var elements: ArraySlice<TemplateValue>

    init(_ elements: [TemplateValue]) { self.elements = elements[...] }

    func next() -> TemplateValue? { elements.popFirst() }

    func rest() -> [TemplateValue] {
        defer { elements = [] }
        return Array(elements)
    }
}

/// `loop` inside a `for`.
struct TemplateLoopState {
    var elements: [TemplateValue]
    var index: Int
}

indirect enum TemplateFunction {
    case macro(TemplateMacro)
    case global(String)
    /// A method of a string, list or mapping, or of `loop`.
    case method(TemplateValue, String)
}

extension TemplateValue {
    init(_ json: JSON) {
        switch json {
        case .null: self = .none
        case .bool(let value): self = .bool(value)
        case .integer(let value): self = .integer(Int(value))
        case .number(let value): self = .number(value)
        case .string(let value): self = .string(value)
        case .array(let elements): self = .list(elements.map(TemplateValue.init))
        case .object(let members):
            var mapping = TemplateMapping()
            for member in members { mapping.set(member.key, TemplateValue(member.value)) }
            self = .mapping(mapping)
        }
    }

    init(_ constant: TemplateConstant) {
        switch constant {
        case .none: self = .none
        case .bool(let value): self = .bool(value)
        case .integer(let value): self = .integer(value)
        case .number(let value): self = .number(value)
        case .string(let value): self = .string(value)
        }
    }

    static func list(_ elements: [TemplateValue], _ kind: TemplateList.Kind = .list) -> TemplateValue {
        .list(TemplateList(elements: elements, kind: kind, depth: 1 + (elements.lazy.map(\.depth).max() ?? 0)))
    }

    /// Lists and mappings inside one another, this one included.
    var depth: Int {
        switch self {
        case .list(let list): list.depth
        case .mapping(let mapping): mapping.depth
        default: 0
        }
    }

    /// Whether this may be an element of a list or mapping: data, not something that runs.
    var isData: Bool {
        switch self {
        case .namespace, .generator, .loop, .function: false
        default: true
        }
    }

    var isTrue: Bool {
        switch self {
        case .undefined, .none: false
        case .bool(let value): value
        case .integer(let value): value != 0
        case .number(let value): value != 0
        case .string(let value): !value.isEmpty
        case .list(let list): !list.elements.isEmpty
        case .mapping(let mapping): !mapping.members.isEmpty
        case .namespace, .generator, .loop, .function: true
        }
    }

    var isUndefined: Bool { if case .undefined = self { true } else { false } }

    /// The kind of value, as error messages name it.
    var kind: String {
        switch self {
        case .undefined(let name): "the undefined \(name)"
        case .none: "none"
        case .bool: "a boolean"
        case .integer: "an integer"
        case .number: "a number"
        case .string: "a string"
        case .list(let list): list.kind == .tuple ? "a tuple" : "a list"
        case .mapping: "a mapping"
        case .namespace: "a namespace"
        case .generator: "a generator"
        case .loop: "loop"
        case .function: "a function"
        }
    }
}
