import CPeftPlugin

/// What a hyperparameter can be: Int, Double, Bool, String, optionals of these, and arrays of Int, Double or String.
public protocol HyperparameterValue {
    /// The type of a range's ends.
    associatedtype Bound: Comparable
    static var hyperparameterForm: HyperparameterForm<Self> { get }
}

/// How a type of hyperparameters crosses to the host.
public struct HyperparameterForm<Value: HyperparameterValue> {
    /// PEFT_TYPE_…
    let type: Int32
    var isNullable = false
    /// The value of that name in the running callback.
    let read: (_ name: UnsafePointer<CChar>) -> Value
    /// The end of a range; infinite for "no end". Types without an order have no ends.
    var number: (Value.Bound) -> Double = { _ in .nan }
    /// As JSON text.
    let json: (Value) -> String
}

/// What an array of hyperparameters can hold.
public protocol HyperparameterElement: HyperparameterValue {
    static var hyperparameterElement: HyperparameterElementForm<Self> { get }
}

/// How an array's elements cross to the host.
public struct HyperparameterElementForm<Element> {
    /// PEFT_TYPE_…_LIST
    let listType: Int32
    let read: (_ name: UnsafePointer<CChar>, _ index: Int64) -> Element
}

extension Int: HyperparameterElement {
    public typealias Bound = Int
    public static var hyperparameterForm: HyperparameterForm<Int> {
        HyperparameterForm(
            type: PEFT_TYPE_INTEGER, read: { Int(host.settings.integer(trace, $0)) },
            number: { $0 == .max ? .infinity : $0 == .min ? -.infinity : Double($0) }, json: \.description)
    }
    public static var hyperparameterElement: HyperparameterElementForm<Int> {
        HyperparameterElementForm(
            listType: PEFT_TYPE_INTEGER_LIST, read: { Int(host.settings.integer_at(trace, $0, $1)) })
    }
}

extension Double: HyperparameterElement {
    public typealias Bound = Double
    public static var hyperparameterForm: HyperparameterForm<Double> {
        HyperparameterForm(
            type: PEFT_TYPE_NUMBER, read: { host.settings.number(trace, $0) }, number: { $0 }, json: \.description)
    }
    public static var hyperparameterElement: HyperparameterElementForm<Double> {
        HyperparameterElementForm(listType: PEFT_TYPE_NUMBER_LIST, read: { host.settings.number_at(trace, $0, $1) })
    }
}

extension Bool: HyperparameterValue {
    public typealias Bound = Never
    public static var hyperparameterForm: HyperparameterForm<Bool> {
        HyperparameterForm(
            type: PEFT_TYPE_BOOLEAN, read: { host.settings.boolean(trace, $0) != 0 },
            json: \.description)
    }
}

extension String: HyperparameterElement {
    public typealias Bound = Never
    public static var hyperparameterForm: HyperparameterForm<String> {
        HyperparameterForm(
            type: PEFT_TYPE_STRING, read: { text(host.settings.string(trace, $0)) }, json: quoted)
    }
    public static var hyperparameterElement: HyperparameterElementForm<String> {
        HyperparameterElementForm(
            listType: PEFT_TYPE_STRING_LIST, read: { text(host.settings.string_at(trace, $0, $1)) })
    }
}

extension Optional: HyperparameterValue where Wrapped: HyperparameterValue {
    public typealias Bound = Wrapped.Bound
    public static var hyperparameterForm: HyperparameterForm<Wrapped?> {
        let form = Wrapped.hyperparameterForm
        return HyperparameterForm(
            type: form.type, isNullable: true,
            read: { host.settings.is_null(trace, $0) != 0 ? nil : form.read($0) },
            number: form.number, json: { $0.map(form.json) ?? "null" })
    }
}

extension Array: HyperparameterValue where Element: HyperparameterElement {
    public typealias Bound = Element.Bound
    public static var hyperparameterForm: HyperparameterForm<[Element]> {
        let (form, element) = (Element.hyperparameterForm, Element.hyperparameterElement)
        return HyperparameterForm(
            type: element.listType,
            read: { name in (0..<Swift.max(0, host.settings.count(trace, name))).map { element.read(name, $0) } },
            number: form.number, json: { "[" + $0.map(form.json).joined(separator: ", ") + "]" })
    }
}

/// As a JSON string.
private func quoted(_ text: String) -> String {
    let escaped = text.unicodeScalars.map { scalar -> String in
        switch scalar {
        case "\"", "\\": "\\" + String(scalar)
        case "\n": "\\n"
        case "\t": "\\t"
        case ..<" ": "\\u00" + (scalar.value < 16 ? "0" : "") + String(scalar.value, radix: 16)
        default: String(scalar)
        }
    }
    return "\"" + escaped.joined() + "\""
}
