import CPeftPlugin

/// What a hyperparameter can be. The kit's own conformances are all there are.
public protocol HyperparameterValue {
    /// The type of a range's ends.
    associatedtype Bound: Comparable
    /// PEFT_TYPE_…
    static var type: UInt32 { get }
    static var isNullable: Bool { get }
    /// The value of that name in the running callback.
    static func read(_ name: UnsafePointer<CChar>) -> Self
    static func number(_ bound: Bound) -> Double
    /// As JSON text.
    var json: String { get }
}

extension HyperparameterValue {
    public static var isNullable: Bool { false }
}

extension HyperparameterValue where Bound == Never {
    public static func number(_ bound: Never) -> Double {}
}

/// What an array of hyperparameters can hold.
public protocol HyperparameterElement: HyperparameterValue {
    static var listType: UInt32 { get }
    static func read(_ name: UnsafePointer<CChar>, at index: Int64) -> Self
}

extension Int: HyperparameterElement {
    public static var type: UInt32 { UInt32(PEFT_TYPE_INTEGER) }
    public static var listType: UInt32 { UInt32(PEFT_TYPE_INTEGER_LIST) }
    public static func read(_ name: UnsafePointer<CChar>) -> Int { Int(host.settings.integer(trace, name)) }
    public static func read(_ name: UnsafePointer<CChar>, at index: Int64) -> Int {
        Int(host.settings.integer_at(trace, name, index))
    }
    public static func number(_ bound: Int) -> Double {
        bound == .max ? .infinity : bound == .min ? -.infinity : Double(bound)
    }
    public var json: String { description }
}

extension Double: HyperparameterElement {
    public static var type: UInt32 { UInt32(PEFT_TYPE_NUMBER) }
    public static var listType: UInt32 { UInt32(PEFT_TYPE_NUMBER_LIST) }
    public static func read(_ name: UnsafePointer<CChar>) -> Double { host.settings.number(trace, name) }
    public static func read(_ name: UnsafePointer<CChar>, at index: Int64) -> Double {
        host.settings.number_at(trace, name, index)
    }
    public static func number(_ bound: Double) -> Double { bound }
    public var json: String { description }
}

extension Bool: HyperparameterValue {
    public typealias Bound = Never
    public static var type: UInt32 { UInt32(PEFT_TYPE_BOOLEAN) }
    public static func read(_ name: UnsafePointer<CChar>) -> Bool { host.settings.boolean(trace, name) != 0 }
    public var json: String { description }
}

extension String: HyperparameterElement {
    public typealias Bound = Never
    public static var type: UInt32 { UInt32(PEFT_TYPE_STRING) }
    public static var listType: UInt32 { UInt32(PEFT_TYPE_STRING_LIST) }
    public static func read(_ name: UnsafePointer<CChar>) -> String {
        text(host.settings.string(trace, name))
    }
    public static func read(_ name: UnsafePointer<CChar>, at index: Int64) -> String {
        text(host.settings.string_at(trace, name, index))
    }
    public var json: String {
        let escaped = unicodeScalars.map { scalar -> String in
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
}

extension Optional: HyperparameterValue where Wrapped: HyperparameterValue {
    public typealias Bound = Wrapped.Bound
    public static var type: UInt32 { Wrapped.type }
    public static var isNullable: Bool { true }
    public static func read(_ name: UnsafePointer<CChar>) -> Wrapped? {
        host.settings.is_null(trace, name) != 0 ? nil : Wrapped.read(name)
    }
    public static func number(_ bound: Bound) -> Double { Wrapped.number(bound) }
    public var json: String { self?.json ?? "null" }
}

extension Array: HyperparameterValue where Element: HyperparameterElement {
    public typealias Bound = Element.Bound
    public static var type: UInt32 { Element.listType }
    public static func read(_ name: UnsafePointer<CChar>) -> [Element] {
        (0..<Swift.max(0, host.settings.count(trace, name))).map { Element.read(name, at: $0) }
    }
    public static func number(_ bound: Bound) -> Double { Element.number(bound) }
    public var json: String { "[" + map(\.json).joined(separator: ", ") + "]" }
}
