/// The tests: `value is name(arguments)`.
extension TemplateRun {
    mutating func test(
        _ value: TemplateValue, _ name: String, _ arguments: TemplateCallArguments
    ) throws(ChatTemplateError) -> Bool {
        var rest = arguments
        let holds: Bool
        if let simple = simpleTest(value, name) {
            holds = simple
        } else if let comparator = Self.comparators[name] {
            guard let other = rest.take("other") else { throw fail(.value, "the test '\(name)' without an argument") }
            holds = try compare(value, comparator, other)
        } else {
            holds = try numberTest(value, name, &rest)
        }
        try expectEmpty(rest, "the test '\(name)'")
        return holds
    }

    private static let comparators = [
        "==": "==", "eq": "==", "equalto": "==", "!=": "!=", "ne": "!=", "<": "<", "lt": "<", "lessthan": "<",
        "<=": "<=", "le": "<=", ">": ">", "gt": ">", "greaterthan": ">", ">=": ">=", "ge": ">=", "in": "in",
    ]

    private func simpleTest(_ value: TemplateValue, _ name: String) -> Bool? {
        switch name {
        case "defined": !value.isUndefined
        case "undefined": value.isUndefined
        case "none": if case .none = value { true } else { false }
        case "true": if case .bool(true) = value { true } else { false }
        case "false": if case .bool(false) = value { true } else { false }
        case "boolean": if case .bool = value { true } else { false }
        case "integer": if case .integer = value { true } else { false }
        case "float": if case .number = value { true } else { false }
        case "number": value.asNumber != nil
        case "string": if case .string = value { true } else { false }
        case "mapping": if case .mapping = value { true } else { false }
        case "callable":
            switch value {
            case .function, .undefined: true
            default: false
            }
        case "iterable":
            switch value {
            case .undefined, .string, .list, .mapping, .generator, .loop: true
            default: false
            }
        case "sequence":
            switch value {
            case .undefined, .string, .mapping: true
            case .list(let list): list.kind != .view
            default: false
            }
        default: nil
        }
    }

    private mutating func numberTest(
        _ value: TemplateValue, _ name: String, _ arguments: inout TemplateCallArguments
    ) throws(ChatTemplateError) -> Bool {
        let divisor: TemplateValue
        switch name {
        case "odd", "even": divisor = .integer(2)
        case "divisibleby":
            guard let given = arguments.take("num") else { throw fail(.value, "'divisibleby' without a number") }
            divisor = given
        default: throw fail(.unsupported, "the test '\(name)' is not known")
        }
        let rest = try arithmetic(value, "%", divisor)
        return try equal(rest, .integer(name == "odd" ? 1 : 0))
    }
}
