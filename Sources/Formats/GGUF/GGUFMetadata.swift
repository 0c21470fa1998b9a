extension GGUF {
    /// The types of metadata values, with their numbers in the file.
    enum ValueType: UInt32 {
        case uint8, int8, uint16, int16, uint32, int32, float32, bool, string, array, uint64, int64, float64

        /// Bytes of a value; `nil` where that depends on the value.
        var size: Int? {
            switch self {
            case .uint8, .int8, .bool: 1
            case .uint16, .int16: 2
            case .uint32, .int32, .float32: 4
            case .uint64, .int64, .float64: 8
            case .string, .array: nil
            }
        }
    }

    /// Where a metadata value lies: it is decoded when it is asked for, so that opening a file does not pay for a
    /// vocabulary that nobody reads.
    struct Value: CustomStringConvertible {
        /// Of the value, or of the array's elements.
        var type: ValueType
        var isArray: Bool
        /// Elements of the array; 1 for a single value.
        var count: Int
        /// Of the first element in the file.
        var offset: Int

        var description: String { isArray ? "an array of \(count) \(type)" : "\(type)" }
    }

    /// Walks over all entries and checks that each lies inside the file.
    static func values(_ cursor: inout ByteCursor, count: Int) throws(FormatError) -> [String: Value] {
        var values: [String: Value] = [:]
        for _ in 0..<count {
            let key = try cursor.string("a metadata key")
            let value = try value(&cursor, key: key)
            guard values.updateValue(value, forKey: key) == nil else {
                throw FormatError(.corrupt, "two metadata entries are named \(key.quoted)", place: cursor.file.path)
            }
        }
        return values
    }

    private static func value(_ cursor: inout ByteCursor, key: String) throws(FormatError) -> Value {
        var type = try valueType(&cursor, key: key)
        var count = 1
        let isArray = type == .array
        if isArray {
            type = try valueType(&cursor, key: key)
            guard type != .array else {
                throw FormatError(
                    .unsupported, "metadata \(key.quoted) is an array of arrays, which is not implemented",
                    place: cursor.file.path)
            }
            // A string takes at least the 8 bytes of its length.
            count = try cursor.count(of: "elements of \(key.quoted)", size: type.size ?? 8)
        }
        let value = Value(type: type, isArray: isArray, count: count, offset: cursor.offset)
        if let size = type.size {
            try cursor.skip(count * size, "a metadata value")
        } else {
            for _ in 0..<count { try cursor.stringRange("a metadata string") }
        }
        return value
    }

    private static func valueType(_ cursor: inout ByteCursor, key: String) throws(FormatError) -> ValueType {
        let number = try cursor.integer(UInt32.self, "the type of a metadata value")
        guard let type = ValueType(rawValue: number) else {
            throw FormatError(
                .corrupt, "metadata \(key.quoted) has the unknown type number \(number)", place: cursor.file.path)
        }
        return type
    }
}
