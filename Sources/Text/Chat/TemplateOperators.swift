/// Arithmetic and comparisons, as Python's.
extension TemplateRun {
    mutating func arithmetic(
        _ left: TemplateValue, _ symbol: String, _ right: TemplateValue
    ) throws(ChatTemplateError) -> TemplateValue {
        switch (left, symbol, right) {
        case (.string(let left), "+", .string(let right)):
            try spend(bytes: left.utf8.count + right.utf8.count)
            return .string(left + right)
        case (.list(let left), "+", .list(let right))
        where left.kind == right.kind && (left.kind == .list || left.kind == .tuple):
            return try list(left.elements + right.elements, left.kind)
        case (.string(let text), "*", .integer(let count)), (.integer(let count), "*", .string(let text)):
            let (bytes, overflow) = text.utf8.count.multipliedReportingOverflow(by: max(0, count))
            try spend(bytes: overflow ? Int.max : bytes)
            return .string(String(repeating: text, count: bytes == 0 ? 0 : count))
        case (.string, "%", _): throw fail(.unsupported, "formatting a string with '%'")
        default: break
        }
        for case .undefined(let what) in [left, right] {
            throw fail(.value, "'\(symbol)' with \(what), which is undefined")
        }
        guard let (left, right) = Self.numbers(left, right) else {
            throw fail(.value, "'\(symbol)' between \(left.kind) and \(right.kind)")
        }
        switch (left, right) {
        case (.integer(let left), .integer(let right)) where symbol != "/": return try integers(left, symbol, right)
        default: return try numbers(left.double, symbol, right.double)
        }
    }

    private func integers(_ left: Int, _ symbol: String, _ right: Int) throws(ChatTemplateError) -> TemplateValue {
        if symbol == "//" || symbol == "%", right == 0 { throw fail(.value, "a division by zero") }
        let result: (partialValue: Int, overflow: Bool)
        switch symbol {
        case "+": result = left.addingReportingOverflow(right)
        case "-": result = left.subtractingReportingOverflow(right)
        case "*": result = left.multipliedReportingOverflow(by: right)
        case "//":
            // Python rounds down, Swift towards zero.
            let quotient = left.dividedReportingOverflow(by: right)
            let isBelow = !quotient.overflow && left % right != 0 && (left < 0) != (right < 0)
            result = (quotient.partialValue - (isBelow ? 1 : 0), quotient.overflow)
        case "%":
            let rest = left.remainderReportingOverflow(dividingBy: right).partialValue
            result = (rest != 0 && (rest < 0) != (right < 0) ? rest + right : rest, false)
        default: throw fail(.unsupported, "the operator '\(symbol)'")
        }
        guard !result.overflow else { throw fail(.limit, "'\(symbol)' gives a number beyond 64 bits") }
        return .integer(result.partialValue)
    }

    private func numbers(_ left: Double, _ symbol: String, _ right: Double) throws(ChatTemplateError) -> TemplateValue {
        if ["/", "//", "%"].contains(symbol), right == 0 { throw fail(.value, "a division by zero") }
        switch symbol {
        case "+": return .number(left + right)
        case "-": return .number(left - right)
        case "*": return .number(left * right)
        case "/": return .number(left / right)
        default: throw fail(.unsupported, "the operator '\(symbol)' between such numbers")
        }
    }

    func number(_ value: TemplateValue, for symbol: String) throws(ChatTemplateError) -> TemplateValue {
        switch value {
        case .integer, .number: return value
        case .bool(let value): return .integer(value ? 1 : 0)
        case .undefined(let what): throw fail(.value, "'\(symbol)' of \(what), which is undefined")
        default: throw fail(.value, "'\(symbol)' of \(value.kind)")
        }
    }

    /// Both as numbers, where they are: booleans count as 0 and 1.
    private static func numbers(_ left: TemplateValue, _ right: TemplateValue) -> (TemplateValue, TemplateValue)? {
        guard let left = left.asNumber, let right = right.asNumber else { return nil }
        return (left, right)
    }

    // MARK: Comparisons

    mutating func compare(
        _ left: TemplateValue, _ comparator: String, _ right: TemplateValue
    ) throws(ChatTemplateError) -> Bool {
        switch comparator {
        case "==": return try equal(left, right)
        case "!=": return !(try equal(left, right))
        case "in": return try contains(right, left)
        case "not in": return !(try contains(right, left))
        default:
            let order = try order(left, right, for: comparator)
            switch comparator {
            case "<": return order < 0
            case "<=": return order <= 0
            case ">": return order > 0
            default: return order >= 0
            }
        }
    }

    mutating func equal(_ left: TemplateValue, _ right: TemplateValue) throws(ChatTemplateError) -> Bool {
        try spend(1)
        if let (left, right) = Self.numbers(left, right) {
            if case .integer(let left) = left, case .integer(let right) = right { return left == right }
            return left.double == right.double
        }
        switch (left, right) {
        case (.undefined, .undefined), (.none, .none): return true
        case (.string(let left), .string(let right)):
            guard left.utf8.count == right.utf8.count else { return false }
            try spend(text: left)
            return left.utf8.elementsEqual(right.utf8)
        case (.list(let left), .list(let right)):
            guard left.kind == right.kind, left.elements.count == right.elements.count else { return false }
            for (left, right) in zip(left.elements, right.elements) where !(try equal(left, right)) { return false }
            return true
        case (.mapping(let left), .mapping(let right)):
            guard left.members.count == right.members.count else { return false }
            for (key, value) in left.members {
                guard let other = right[key], try equal(value, other) else { return false }
            }
            return true
        case (.namespace(let left), .namespace(let right)): return left === right
        case (.generator(let left), .generator(let right)): return left === right
        case (.loop, .loop), (.function, .function):
            throw fail(.unsupported, "'==' between \(left.kind) and \(right.kind)")
        default: return false
        }
    }

    /// Below, at or above zero as left is before, equal to or after right. Only numbers and only strings have an order.
    mutating func order(
        _ left: TemplateValue, _ right: TemplateValue, for symbol: String
    ) throws(ChatTemplateError) -> Int {
        try spend(1)
        if let (left, right) = Self.numbers(left, right) {
            if case .integer(let left) = left, case .integer(let right) = right {
                return left < right ? -1 : left > right ? 1 : 0
            }
            guard !left.double.isNaN, !right.double.isNaN else { throw fail(.unsupported, "the order of NaN") }
            return left.double < right.double ? -1 : left.double > right.double ? 1 : 0
        }
        if case .string(let left) = left, case .string(let right) = right {
            try spend(text: left)
            // UTF-8 bytes are in the order of their code points.
            if left.utf8.elementsEqual(right.utf8) { return 0 }
            return left.utf8.lexicographicallyPrecedes(right.utf8) ? -1 : 1
        }
        for case .undefined(let what) in [left, right] {
            throw fail(.value, "'\(symbol)' with \(what), which is undefined")
        }
        throw fail(.value, "'\(symbol)' between \(left.kind) and \(right.kind)")
    }

    mutating func contains(_ container: TemplateValue, _ element: TemplateValue) throws(ChatTemplateError) -> Bool {
        switch (container, element) {
        case (.string(let text), .string(let part)):
            try spend(bytes: text.utf8.count + part.utf8.count)
            return !TemplateStrings.places(of: part, in: text).isEmpty
        case (.string, _): throw fail(.value, "\(element.kind) 'in' a string")
        case (.mapping(let mapping), .string(let key)): return mapping[key] != nil
        case (.mapping, _): return false
        case (.generator(let generator), _):
            while let candidate = generator.next() {
                if try equal(candidate, element) { return true }
            }
            return false
        case (.list(let list), _):
            for candidate in list.elements where try equal(candidate, element) { return true }
            return false
        case (.undefined, _): return false
        default: throw fail(.value, "'in' with \(container.kind)")
        }
    }
}

extension TemplateValue {
    /// Integers, numbers, and booleans as 0 and 1.
    var asNumber: TemplateValue? {
        switch self {
        case .integer, .number: self
        case .bool(let value): .integer(value ? 1 : 0)
        default: nil
        }
    }

    /// The value of a number.
    fileprivate var double: Double {
        switch self {
        case .integer(let value): Double(value)
        case .number(let value): value
        default: .nan
        }
    }
}
