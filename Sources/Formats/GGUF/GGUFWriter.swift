/// Writes GGUF files, version 3.
package enum GGUFWriter {
    /// A metadata value.
    package enum Value: Sendable {
        case string(String)
        case uint32(UInt32)
        case float32(Float)
        case bool(Bool)
        case strings([String])
        case int32s([Int32])
        case float32s([Float])
        case uint8s([UInt8])
        /// As another file has it: its type, then its bytes (``GGUF/stored(_:)``).
        case stored([UInt8])
    }

    package struct Tensor {
        let name: String
        /// Outermost dimension first.
        let shape: [Int]
        let type: StorageType
        let bytes: @Sendable () throws(FormatError) -> [UInt8]

        /// - Parameter bytes: called when the tensor's turn comes, so that one at a time is in memory.
        package init(
            _ name: String, shape: [Int], _ type: StorageType,
            _ bytes: @escaping @Sendable () throws(FormatError) -> [UInt8]
        ) {
            (self.name, self.shape, self.type, self.bytes) = (name, shape, type, bytes)
        }

        var byteCount: Int { shape.reduce(1, *) / type.blockElements * type.blockBytes }
    }

    private static let alignment = 32

    /// Replaces the file at `path` in one step; an error leaves what was there.
    ///
    /// - Parameters:
    ///   - metadata: in the file's order; no `general.alignment`.
    ///   - progress: told how many tensors are written.
    package static func write(
        _ metadata: [(key: String, value: Value)], _ tensors: [Tensor], to path: String,
        progress: (_ done: Int, _ total: Int) -> Void = { _, _ in }
    ) throws(FormatError) {
        var header = Array("GGUF".utf8)
        header.append(UInt32(3))
        header.append(UInt64(tensors.count))
        header.append(UInt64(metadata.count))
        for (key, value) in metadata {
            header.append(key)
            header.append(value)
        }
        var offset = 0
        for tensor in tensors {
            guard let type = tensor.type.ggmlNumber else {
                throw FormatError(
                    .unsupported, "tensor \(tensor.name.quoted) is \(tensor.type.name), which GGUF does not have",
                    place: path)
            }
            header.append(tensor.name)
            header.append(UInt32(tensor.shape.count))
            for dimension in tensor.shape.reversed() { header.append(UInt64(dimension)) }
            header.append(type)
            header.append(UInt64(offset))
            offset = padded(offset + tensor.byteCount)
        }
        header += Array(repeating: 0, count: padded(header.count) - header.count)
        var file = try AtomicFile(path)
        try file.append(header.span.bytes)
        for (done, tensor) in tensors.enumerated() {
            progress(done, tensors.count)
            let bytes = try tensor.bytes()
            precondition(bytes.count == tensor.byteCount)
            try file.append(bytes.span.bytes)
            try file.append([UInt8](repeating: 0, count: padded(bytes.count) - bytes.count).span.bytes)
        }
        try file.commit()
    }

    private static func padded(_ count: Int) -> Int { (count + alignment - 1) / alignment * alignment }
}

extension GGUF {
    /// A metadata value as the file has it, for another file.
    package func stored(_ key: String) throws(FormatError) -> GGUFWriter.Value? {
        guard let value = values[key] else { return nil }
        var bytes: [UInt8] = []
        if value.isArray {
            bytes.append(ValueType.array.rawValue)
            bytes.append(value.type.rawValue)
            bytes.append(UInt64(value.count))
        } else {
            bytes.append(value.type.rawValue)
        }
        var cursor = ByteCursor(file, at: value.offset)
        if let size = value.type.size {
            try cursor.skip(value.count * size, "a metadata value")
        } else {
            for _ in 0..<value.count { try cursor.stringRange("a metadata string") }
        }
        return .stored(bytes + file.bytes[value.offset..<cursor.offset])
    }
}

extension [UInt8] {
    fileprivate mutating func append(_ number: some FixedWidthInteger) {
        Swift.withUnsafeBytes(of: number.littleEndian) { append(contentsOf: $0) }
    }

    fileprivate mutating func append(_ text: String) {
        append(UInt64(text.utf8.count))
        append(contentsOf: text.utf8)
    }

    fileprivate mutating func append(_ value: GGUFWriter.Value) {
        func begin(_ type: GGUF.ValueType, _ count: Int? = nil) {
            if let count {
                append(GGUF.ValueType.array.rawValue)
                append(type.rawValue)
                append(UInt64(count))
            } else {
                append(type.rawValue)
            }
        }
        switch value {
        case .string(let text):
            begin(.string)
            append(text)
        case .uint32(let number):
            begin(.uint32)
            append(number)
        case .float32(let number):
            begin(.float32)
            append(number.bitPattern)
        case .bool(let value):
            begin(.bool)
            append(UInt8(value ? 1 : 0))
        case .strings(let texts):
            begin(.string, texts.count)
            for text in texts { append(text) }
        case .int32s(let numbers):
            begin(.int32, numbers.count)
            for number in numbers { append(number) }
        case .float32s(let numbers):
            begin(.float32, numbers.count)
            for number in numbers { append(number.bitPattern) }
        case .uint8s(let numbers):
            begin(.uint8, numbers.count)
            append(contentsOf: numbers)
        case .stored(let bytes): append(contentsOf: bytes)
        }
    }
}
