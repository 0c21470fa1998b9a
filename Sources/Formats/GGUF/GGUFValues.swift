/// Typed access to the metadata. Each throws a `FormatError` that names the key and the type it has, where that is
/// another one; those without `IfPresent` also where the key is missing.
extension GGUF {
    /// All keys, in alphabetical order.
    package var keys: [String] { values.keys.sorted() }

    package func string(_ key: String) throws(FormatError) -> String { try present(key, stringIfPresent(key)) }
    package func stringIfPresent(_ key: String) throws(FormatError) -> String? {
        try elements(key, isArray: false, "a string", GGUF.string)?[0]
    }

    /// A whole number of any width.
    package func int(_ key: String) throws(FormatError) -> Int { try present(key, intIfPresent(key)) }
    package func intIfPresent(_ key: String) throws(FormatError) -> Int? {
        try elements(key, isArray: false, "a whole number", GGUF.int)?[0]
    }

    /// float32 or float64.
    package func float(_ key: String) throws(FormatError) -> Double { try present(key, floatIfPresent(key)) }
    package func floatIfPresent(_ key: String) throws(FormatError) -> Double? {
        try elements(key, isArray: false, "a float", GGUF.float)?[0]
    }

    package func bool(_ key: String) throws(FormatError) -> Bool { try present(key, boolIfPresent(key)) }
    package func boolIfPresent(_ key: String) throws(FormatError) -> Bool? {
        try elements(key, isArray: false, "a bool", GGUF.bool)?[0]
    }

    package func strings(_ key: String) throws(FormatError) -> [String] { try present(key, stringsIfPresent(key)) }
    package func stringsIfPresent(_ key: String) throws(FormatError) -> [String]? {
        try elements(key, isArray: true, "an array of strings", GGUF.string)
    }

    package func ints(_ key: String) throws(FormatError) -> [Int] { try present(key, intsIfPresent(key)) }
    package func intsIfPresent(_ key: String) throws(FormatError) -> [Int]? {
        try elements(key, isArray: true, "an array of whole numbers", GGUF.int)
    }

    package func floats(_ key: String) throws(FormatError) -> [Double] { try present(key, floatsIfPresent(key)) }
    package func floatsIfPresent(_ key: String) throws(FormatError) -> [Double]? {
        try elements(key, isArray: true, "an array of floats", GGUF.float)
    }

    private func present<T>(_ key: String, _ value: T?) throws(FormatError) -> T {
        guard let value else { throw FormatError(.missing, "there is no metadata \(key.quoted)", place: path) }
        return value
    }

    /// Decodes one element of a type; `nil` where the type does not fit.
    private typealias Decoder<T> = (inout ByteCursor, ValueType, _ what: String) throws(FormatError) -> T?

    private func elements<T>(
        _ key: String, isArray: Bool, _ kind: String, _ decode: Decoder<T>
    ) throws(FormatError) -> [T]? {
        guard let value = values[key] else { return nil }
        let what = "metadata \(key.quoted)"
        let mismatch = FormatError(.corrupt, "\(what) is \(value), not \(kind)", place: path)
        guard value.isArray == isArray else { throw mismatch }
        var cursor = ByteCursor(file, at: value.offset)
        var elements: [T] = []
        elements.reserveCapacity(value.count)
        for _ in 0..<value.count {
            guard let element = try decode(&cursor, value.type, what) else { throw mismatch }
            elements.append(element)
        }
        return elements
    }

    private static func string(
        _ cursor: inout ByteCursor, _ type: ValueType, _ what: String
    ) throws(FormatError) -> String? {
        type == .string ? try cursor.string(what) : nil
    }

    private static func int(
        _ cursor: inout ByteCursor, _ type: ValueType, _ what: String
    ) throws(FormatError) -> Int? {
        switch type {
        case .uint8: return Int(try cursor.integer(UInt8.self, what))
        case .int8: return Int(try cursor.integer(Int8.self, what))
        case .uint16: return Int(try cursor.integer(UInt16.self, what))
        case .int16: return Int(try cursor.integer(Int16.self, what))
        case .uint32: return Int(try cursor.integer(UInt32.self, what))
        case .int32: return Int(try cursor.integer(Int32.self, what))
        case .int64: return Int(try cursor.integer(Int64.self, what))
        case .uint64:
            let number = try cursor.integer(UInt64.self, what)
            guard let value = Int(exactly: number) else {
                throw FormatError(.corrupt, "\(what) holds \(number), which is too large", place: cursor.file.path)
            }
            return value
        default: return nil
        }
    }

    private static func float(
        _ cursor: inout ByteCursor, _ type: ValueType, _ what: String
    ) throws(FormatError) -> Double? {
        switch type {
        case .float32: Double(Float(bitPattern: try cursor.integer(UInt32.self, what)))
        case .float64: Double(bitPattern: try cursor.integer(UInt64.self, what))
        default: nil
        }
    }

    private static func bool(
        _ cursor: inout ByteCursor, _ type: ValueType, _ what: String
    ) throws(FormatError) -> Bool? {
        guard type == .bool else { return nil }
        let byte = try cursor.integer(UInt8.self, what)
        guard byte <= 1 else {
            throw FormatError(.corrupt, "\(what) holds \(byte), not 0 or 1", place: cursor.file.path)
        }
        return byte == 1
    }
}
