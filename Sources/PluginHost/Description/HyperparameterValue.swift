import Formats

/// Types of hyperparameters. Raw values are the plugin interface's.
package enum HyperparameterType: UInt32, CaseIterable, Sendable {
    case integer = 0, number, boolean, string, integerList, numberList, stringList

    /// As manifests write it.
    package var name: String {
        switch self {
        case .integer: "integer"
        case .number: "number"
        case .boolean: "boolean"
        case .string: "string"
        case .integerList: "integer-list"
        case .numberList: "number-list"
        case .stringList: "string-list"
        }
    }

    /// For people: "an integer".
    var article: String {
        switch self {
        case .integer: "an integer"
        case .number: "a number"
        case .boolean: "true or false"
        case .string: "a string"
        case .integerList: "a list of integers"
        case .numberList: "a list of numbers"
        case .stringList: "a list of strings"
        }
    }
}

/// The value of a hyperparameter.
package enum HyperparameterValue: Equatable, Sendable {
    case null
    case integer(Int)
    case number(Double)
    case boolean(Bool)
    case string(String)
    case integers([Int])
    case numbers([Double])
    case strings([String])

    /// A value of that type as JSON holds it; nil where it is of another type. Numbers must be finite.
    init?(_ json: JSON, as type: HyperparameterType) {
        func all<T>(_ element: (JSON) -> T?) -> [T]? {
            guard let array = json.array else { return nil }
            let elements = array.compactMap(element)
            return elements.count == array.count ? elements : nil
        }
        func finite(_ json: JSON) -> Double? { json.double.flatMap { $0.isFinite ? $0 : nil } }
        let value: HyperparameterValue? =
            switch type {
            case .integer: json.int.map { .integer($0) }
            case .number: finite(json).map { .number($0) }
            case .boolean: json.bool.map { .boolean($0) }
            case .string: json.string.map { .string($0) }
            case .integerList: all(\.int).map { .integers($0) }
            case .numberList: all(finite).map { .numbers($0) }
            case .stringList: all(\.string).map { .strings($0) }
            }
        guard let value else { return nil }
        self = value
    }

    /// A value as it is typed on a command line: lists as JSON or separated by commas.
    init?(text: String, as type: HyperparameterType) {
        let trimmed = text.trimmed
        if type == .string {
            self = .string(text)
        } else if trimmed.hasPrefix("[") || type == .boolean {
            guard let json = try? JSON.parse(trimmed.utf8, place: ""), let value = Self(json, as: type) else {
                return nil
            }
            self = value
        } else {
            let parts =
                trimmed.isEmpty ? [] : trimmed.split(separator: ",", omittingEmptySubsequences: false).map(\.trimmed)
            switch type {
            case .integer:
                guard let value = Int(trimmed) else { return nil }
                self = .integer(value)
            case .number:
                guard let value = Double(trimmed), value.isFinite else { return nil }
                self = .number(value)
            case .integerList:
                let values = parts.compactMap { Int($0) }
                guard values.count == parts.count else { return nil }
                self = .integers(values)
            case .numberList:
                let values = parts.compactMap { Double($0) }.filter(\.isFinite)
                guard values.count == parts.count else { return nil }
                self = .numbers(values)
            default:
                self = .strings(parts)
            }
        }
    }

    package var json: JSON {
        switch self {
        case .null: .null
        case .integer(let value): .integer(Int64(value))
        case .number(let value): .number(value)
        case .boolean(let value): .bool(value)
        case .string(let value): .string(value)
        case .integers(let values): .array(values.map { .integer(Int64($0)) })
        case .numbers(let values): .array(values.map { .number($0) })
        case .strings(let values): .array(values.map { .string($0) })
        }
    }

    /// All numbers in it, for range checks.
    var allNumbers: [Double] {
        switch self {
        case .integer(let value): [Double(value)]
        case .number(let value): [value]
        case .integers(let values): values.map(Double.init)
        case .numbers(let values): values
        default: []
        }
    }

    /// All strings in it, for choices.
    var allStrings: [String] {
        switch self {
        case .string(let value): [value]
        case .strings(let values): values
        default: []
        }
    }
}

extension StringProtocol {
    /// Without white space at both ends.
    var trimmed: String {
        let isSpace: (Character) -> Bool = \.isWhitespace
        guard let first = firstIndex(where: { !isSpace($0) }), let last = lastIndex(where: { !isSpace($0) }) else {
            return ""
        }
        return String(self[first...last])
    }
}
