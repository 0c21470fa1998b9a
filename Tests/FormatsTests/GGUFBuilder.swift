/// Puts together GGUF files, right and wrong ones.
struct GGUFBuilder {
    enum Value {
        case uint8(UInt8)
        case uint32(UInt32)
        case uint64(UInt64)
        case int32(Int32)
        case float32(Float)
        case bool(UInt8)
        case string([UInt8])
        case strings([String])
        case ints([Int16])
        /// Type number and bytes, whatever they are.
        case raw(UInt32, [UInt8])
    }

    struct Tensor {
        var name: String
        /// Innermost first, as the file has them.
        var dimensions: [UInt64]
        var type: UInt32
        var offset: UInt64
    }

    var magic = Array("GGUF".utf8)
    var version: UInt32 = 3
    var tensorCount: UInt64?
    var valueCount: UInt64?
    var values: [(String, Value)] = []
    var tensors: [Tensor] = []
    var alignment = 32
    /// Bytes after the padding.
    var dataSize = 0

    var bytes: [UInt8] {
        var out = magic + GGUFBuilder.bytes(version)
        out += GGUFBuilder.bytes(tensorCount ?? UInt64(tensors.count))
        out += GGUFBuilder.bytes(valueCount ?? UInt64(values.count))
        for (key, value) in values { out += GGUFBuilder.string(Array(key.utf8)) + GGUFBuilder.bytes(of: value) }
        for tensor in tensors {
            out += GGUFBuilder.string(Array(tensor.name.utf8)) + GGUFBuilder.bytes(UInt32(tensor.dimensions.count))
            for dimension in tensor.dimensions { out += GGUFBuilder.bytes(dimension) }
            out += GGUFBuilder.bytes(tensor.type) + GGUFBuilder.bytes(tensor.offset)
        }
        out += Array(repeating: 0, count: (alignment - out.count % alignment) % alignment)
        return out + (0..<dataSize).map { UInt8(truncatingIfNeeded: $0 &* 7) }
    }

    static func bytes<T: FixedWidthInteger>(_ number: T) -> [UInt8] {
        withUnsafeBytes(of: number.littleEndian, Array.init)
    }

    static func string(_ text: [UInt8]) -> [UInt8] { bytes(UInt64(text.count)) + text }

    private static func bytes(of value: Value) -> [UInt8] {
        switch value {
        case .uint8(let number): bytes(UInt32(0)) + [number]
        case .uint32(let number): bytes(UInt32(4)) + bytes(number)
        case .uint64(let number): bytes(UInt32(10)) + bytes(number)
        case .int32(let number): bytes(UInt32(5)) + bytes(number)
        case .float32(let number): bytes(UInt32(6)) + bytes(number.bitPattern)
        case .bool(let byte): bytes(UInt32(7)) + [byte]
        case .string(let text): bytes(UInt32(8)) + string(text)
        case .strings(let texts):
            bytes(UInt32(9)) + bytes(UInt32(8)) + bytes(UInt64(texts.count)) + texts.flatMap { string(Array($0.utf8)) }
        case .ints(let numbers):
            bytes(UInt32(9)) + bytes(UInt32(3)) + bytes(UInt64(numbers.count)) + numbers.flatMap { bytes($0) }
        case .raw(let type, let payload): bytes(type) + payload
        }
    }
}
