import CPeftPlugin

/// A hyperparameter of a method. Its name is the property's, so properties bear Hugging Face's names:
///
///     @Hyperparameter("rank of the update", range: 1...1024, pattern: "rank_pattern") var r = 8
///
/// The host resolves and checks values before it calls the method: in `plan` and `finish` a property reads the general
/// value, in `inject` that of the site. A property without a default must be given by the user. Types are Int, Double, Bool,
/// String, optionals of these (`null` allowed) and arrays of Int, Double or String.
@propertyWrapper
public struct Hyperparameter<Value: HyperparameterValue> {
    private let definition: Definition

    public var wrappedValue: Value {
        guard trace != nil else { return definition.defaultValue! }
        let value = definition.name.withCString(Value.hyperparameterForm.read)
        // After an error the host has only zeros, which may be out of range.
        return host.trace.failed(trace) == 0 ? value : definition.defaultValue ?? value
    }

    /// - Parameters:
    ///   - summary: one line for people.
    ///   - range: the values allowed; of an array, of its elements. `.max` and `.infinity` stand for "no end".
    ///   - choices: the strings allowed.
    ///   - pattern: the config field that gives other values for single modules; it makes the hyperparameter per-site.
    ///   - perSite: the same with the field's usual name, `<name>_pattern`.
    ///   - derived: the host fills it in (AdaLoRA's `total_step`) unless the user gives it.
    public init(
        wrappedValue: Value, _ summary: String, range: ClosedRange<Value.Bound>? = nil, choices: [String] = [],
        pattern: String? = nil, perSite: Bool = false, derived: Bool = false
    ) {
        definition = Definition(
            wrappedValue, summary, range, choices, pattern, perSite: perSite || pattern != nil, derived: derived)
    }

    /// One without a default.
    public init(
        _ summary: String, range: ClosedRange<Value.Bound>? = nil, choices: [String] = [], pattern: String? = nil,
        perSite: Bool = false, derived: Bool = false
    ) {
        definition = Definition(
            nil, summary, range, choices, pattern, perSite: perSite || pattern != nil, derived: derived)
    }

    /// A class, because the property's name is known only when the whole method exists.
    fileprivate final class Definition {
        var name = ""
        let defaultValue: Value?
        let summary: String
        let range: ClosedRange<Value.Bound>?
        let choices: [String]
        let pattern: String?
        let flags: UInt32

        init(
            _ defaultValue: Value?, _ summary: String, _ range: ClosedRange<Value.Bound>?, _ choices: [String],
            _ pattern: String?, perSite: Bool, derived: Bool
        ) {
            self.defaultValue = defaultValue
            self.summary = summary
            self.range = range
            self.choices = choices
            self.pattern = pattern
            var flags: UInt32 = 0
            if perSite { flags |= PEFT_FLAG_PER_SITE }
            if derived { flags |= PEFT_FLAG_DERIVED } else if defaultValue == nil { flags |= PEFT_FLAG_REQUIRED }
            if Value.hyperparameterForm.isNullable { flags |= PEFT_FLAG_NULLABLE }
            self.flags = flags
        }
    }
}

extension Hyperparameter: DescribedHyperparameter {
    fileprivate func describe(as name: String) -> peft_hyperparameter {
        definition.name = name
        let form = Value.hyperparameterForm
        var result = peft_hyperparameter()
        result.struct_size = UInt32(MemoryLayout<peft_hyperparameter>.size)
        result.type = UInt32(form.type)
        result.flags = definition.flags
        result.name = immortal(name)
        result.summary = immortal(definition.summary)
        result.default_value = definition.defaultValue.flatMap { immortal(form.json($0)) }
        result.pattern = definition.pattern.flatMap { immortal($0) }
        result.choice_count = UInt32(definition.choices.count)
        result.choices = immortal(definition.choices.map { immortal($0) })
        result.minimum = definition.range.map { form.number($0.lowerBound) } ?? -.infinity
        result.maximum = definition.range.map { form.number($0.upperBound) } ?? .infinity
        return result
    }
}

private protocol DescribedHyperparameter {
    func describe(as name: String) -> peft_hyperparameter
}

/// The schema of all `@Hyperparameter` properties, in their order, which also tells each its name.
func describeHyperparameters(of method: any Method) -> [peft_hyperparameter] {
    Mirror(reflecting: method).children.compactMap { child in
        // The storage of a wrapped property `r` is called `_r`.
        (child.value as? any DescribedHyperparameter)?.describe(as: String((child.label ?? "").dropFirst()))
    }
}
