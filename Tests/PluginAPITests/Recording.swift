import CPeftPlugin

/// What a plugin did to a host that only writes it down: `v3 = matmul(v1, v2, 0, 1)`. Values are numbered from 1.
///
/// The host's functions have no context of their own, so there is one recording at a time; the tests that use it are in one
/// serialized suite.
final class Recording {
    nonisolated(unsafe) static var current = Recording()

    var lines: [String] = []
    var errors: [String] = []
    var count: peft_value = 0
    /// Axes of each value; of those that are not here, 2.
    var shapes: [peft_value: [Int64]] = [:]

    /// Hyperparameters, by name: numbers, strings and lists.
    var numbers: [String: Double] = [:]
    var strings: [String: String] = [:]
    var lists: [String: [Double]] = [:]
    var nulls: Set<String> = []
    var sites: [peft_site] = []

    /// Writes the call down.
    func note(_ name: String, _ arguments: [Any]) { lines.append("\(name)(\(Self.text(arguments)))") }

    /// Writes the call down and gives its result a number; a failed operand gives a failed result.
    func make(_ name: String, _ arguments: [Any]) -> peft_value {
        guard !arguments.contains(where: { $0 as? peft_value == PEFT_FAILED }) else { return PEFT_FAILED }
        count += 1
        lines.append("v\(count) = \(name)(\(Self.text(arguments)))")
        return count
    }

    private static func text(_ arguments: [Any]) -> String {
        arguments.map { argument in
            switch argument {
            case let value as peft_value: value == PEFT_ABSENT ? "absent" : "v\(value)"
            case let values as [peft_value]: "[\(text(values))]"
            default: "\(argument)"
            }
        }.joined(separator: ", ")
    }
}

func note(_ name: String, _ arguments: Any...) -> Int32 {
    Recording.current.note(name, arguments)
    return PEFT_OK
}

func make(_ name: String, _ arguments: Any...) -> peft_value { Recording.current.make(name, arguments) }

func string(_ pointer: UnsafePointer<CChar>?) -> String { pointer.map { String(cString: $0) } ?? "NULL" }

func array<Element, Count: BinaryInteger>(_ pointer: UnsafePointer<Element>?, _ count: Count) -> [Element] {
    Array(UnsafeBufferPointer(start: pointer, count: Int(count)))
}

/// In memory that lives as long as the process.
func immortal<Element>(_ element: Element) -> UnsafeMutablePointer<Element> {
    let pointer = UnsafeMutablePointer<Element>.allocate(capacity: 1)
    pointer.initialize(to: element)
    return pointer
}

func immortal(_ text: String) -> UnsafePointer<CChar> {
    let bytes = Array(text.utf8CString)
    let pointer = UnsafeMutablePointer<CChar>.allocate(capacity: bytes.count)
    pointer.initialize(from: bytes, count: bytes.count)
    return UnsafePointer(pointer)
}
