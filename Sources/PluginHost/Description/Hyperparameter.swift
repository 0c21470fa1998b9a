/// One hyperparameter of a method: what Hugging Face's configuration calls a field.
package struct Hyperparameter: Equatable, Sendable {
    package var name: String
    package var type: HyperparameterType
    /// nil: there is none, the user must give it.
    package var defaultValue: HyperparameterValue?
    /// Inclusive; infinite where there is no bound. Of lists: of each element.
    package var minimum = -Double.infinity
    package var maximum = Double.infinity
    /// Strings allowed; empty: all.
    package var choices: [String] = []
    /// The field that holds its per-site values by pattern; nil: it is the same at all sites.
    package var patternField: String?
    package var isNullable = false
    /// The host fills it in unless the user gives it.
    package var isDerived = false
    package var summary = ""

    package init(_ name: String, _ type: HyperparameterType, default defaultValue: HyperparameterValue?) {
        self.name = name
        self.type = type
        self.defaultValue = defaultValue
    }

    /// A value that is allowed, for a derived hyperparameter before there is a run: of numbers a large one, as `total_step`
    /// must be above those that lie within a run.
    var nominalValue: HyperparameterValue {
        func inRange(_ number: Double) -> Double { Swift.min(Swift.max(number, minimum), maximum) }
        // A manifest may name bounds that no integer reaches.
        func integer(_ number: Double) -> Int { Int(exactly: number.rounded()) ?? (number < 0 ? .min : .max) }
        return switch type {
        case .integer: .integer(integer(inRange(1_000_000)))
        case .number: .number(inRange(1_000_000))
        case .boolean: .boolean(false)
        case .string: .string(choices.first ?? "")
        case .integerList: .integers([integer(inRange(0))])
        case .numberList: .numbers([inRange(0)])
        case .stringList: .strings([choices.first ?? ""])
        }
    }

    package var isRequired: Bool { defaultValue == nil && !isDerived }

    /// The pattern field of a per-site hyperparameter that names none.
    static func standardPatternField(of name: String) -> String {
        ["r": "rank_pattern", "lora_alpha": "alpha_pattern"][name] ?? "\(name)_pattern"
    }

    /// What a value must be, for errors: "an integer from 1 to 1024".
    package var rule: String {
        var text = type.article
        if !choices.isEmpty { text += " out of " + choices.joined(separator: ", ") }
        func number(_ value: Double) -> String { Int(exactly: value).map(String.init) ?? String(value) }
        if minimum.isFinite, maximum.isFinite {
            text += " from \(number(minimum)) to \(number(maximum))"
        } else if minimum.isFinite {
            text += ", at least \(number(minimum))"
        } else if maximum.isFinite {
            text += ", at most \(number(maximum))"
        }
        return isNullable ? text + ", or null" : text
    }

    /// Whether the value is null where that is allowed, or in range and among the choices. Its type is checked before.
    func allows(_ value: HyperparameterValue) -> Bool {
        if value == .null { return isNullable }
        return value.allNumbers.allSatisfy { minimum <= $0 && $0 <= maximum }
            && (choices.isEmpty || value.allStrings.allSatisfy(choices.contains))
    }
}
