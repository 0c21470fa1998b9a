/// Writes tensors as Hugging Face's library does, byte for byte: sorted by dtype and then by name, the header padded with
/// spaces so that the data begin at a multiple of 8 bytes.
package enum SafetensorsWriter {
    package struct Tensor: Sendable {
        package let name: String
        /// Outermost dimension first.
        package let shape: [Int]
        package let values: Values

        package init(_ name: String, shape: [Int], _ values: Values) {
            self.name = name
            self.shape = shape
            self.values = values
        }
    }

    /// Elements in memory of someone else's, who does not change them before they are written.
    package struct Borrowed: @unchecked Sendable {
        let floats: UnsafeBufferPointer<Float>
        private let owner: AnyObject

        /// - Parameter owner: keeps the memory alive.
        package init(_ floats: UnsafeBufferPointer<Float>, owner: AnyObject) {
            self.floats = floats
            self.owner = owner
        }
    }

    package enum Values: Sendable {
        /// F32
        case floats([Float])
        /// F32 where it lies, without a copy.
        case borrowed(Borrowed)
        /// I32
        case integers([Int32])
        /// Little-endian bytes of any type that safetensors has.
        case raw(StorageType, [UInt8])
        /// So many such bytes, made when the tensor's turn comes, so that one at a time is in memory.
        case made(StorageType, byteCount: Int, @Sendable () throws(FormatError) -> [UInt8])

        var type: StorageType {
            switch self {
            case .floats, .borrowed: .f32
            case .integers: .i32
            case .raw(let type, _), .made(let type, _, _): type
            }
        }

        var byteCount: Int {
            switch self {
            case .floats(let values): values.count * 4
            case .borrowed(let values): values.floats.count * 4
            case .integers(let values): values.count * 4
            case .raw(_, let bytes): bytes.count
            case .made(_, let count, _): count
            }
        }
    }

    /// Replaces the file at `path` in one step; an error (a full disk, a folder that may not be written, values that do
    /// not fill their shape) leaves what was there.
    package static func write(
        _ tensors: [Tensor], metadata: [String: String] = ["format": "pt"], to path: String,
        progress: (_ done: Int, _ total: Int) -> Void = { _, _ in }
    ) throws(FormatError) {
        let ordered = tensors.sorted(by: precedes)
        var names: Set<String> = ["__metadata__"]
        for tensor in ordered {
            guard names.insert(tensor.name).inserted else {
                throw FormatError(.corrupt, "the name \(tensor.name.quoted) cannot be used twice", place: path)
            }
            try check(tensor, path)
        }
        let places = ordered.map {
            Place(name: $0.name, shape: $0.shape, type: $0.values.type, byteCount: $0.values.byteCount)
        }
        let header = header(places, metadata)
        var file = try AtomicFile(path)
        try file.append(header.span.bytes)
        for (done, tensor) in ordered.enumerated() {
            progress(done, ordered.count)
            switch tensor.values {
            case .floats(let values): try file.append(values.span.bytes)
            case .borrowed(let values): try file.append(values.floats.span.bytes)
            case .integers(let values): try file.append(values.span.bytes)
            case .raw(_, let bytes): try file.append(bytes.span.bytes)
            case .made(_, let count, let make):
                let bytes = try make()
                precondition(bytes.count == count)
                try file.append(bytes.span.bytes)
            }
        }
        try file.commit()
    }

    /// The dtypes in the library's order: by alignment, the widest first. F32 comes before I32.
    private static let order: [StorageType] = [.i64, .f64, .f32, .i32, .bf16, .f16, .i16, .i8, .u8, .bool]

    private static func precedes(_ first: Tensor, _ second: Tensor) -> Bool {
        let ranks = (
            order.firstIndex(of: first.values.type) ?? order.count,
            order.firstIndex(of: second.values.type) ?? order.count
        )
        if ranks.0 != ranks.1 { return ranks.0 < ranks.1 }
        return first.name.utf8.lexicographicallyPrecedes(second.name.utf8)
    }

    /// Bytes of the file that float32 tensors of these names and shapes make.
    package static func size(floats tensors: [(name: String, shape: [Int])]) -> Int {
        let places = tensors.sorted { $0.name.utf8.lexicographicallyPrecedes($1.name.utf8) }.map {
            Place(name: $0.name, shape: $0.shape, type: .f32, byteCount: $0.shape.reduce(4, *))
        }
        return header(places, ["format": "pt"]).count + places.reduce(0) { $0 + $1.byteCount }
    }

    /// What the header says of a tensor, but for its offset.
    private struct Place {
        let name: String
        let shape: [Int]
        let type: StorageType
        let byteCount: Int
    }

    /// Length and header, padded; the tensors' offsets follow their order.
    private static func header(_ tensors: [Place], _ metadata: [String: String]) -> [UInt8] {
        var entries: [String] = []
        if !metadata.isEmpty {
            let pairs = metadata.sorted { $0.key < $1.key }.map { "\(quote($0.key)):\(quote($0.value))" }
            entries.append("\"__metadata__\":{\(pairs.joined(separator: ","))}")
        }
        var offset = 0
        for tensor in tensors {
            let end = offset + tensor.byteCount
            let shape = tensor.shape.map(String.init).joined(separator: ",")
            entries.append(
                "\(quote(tensor.name)):{\"dtype\":\"\(tensor.type.name)\",\"shape\":[\(shape)],"
                    + "\"data_offsets\":[\(offset),\(end)]}")
            offset = end
        }
        var header = Array("{\(entries.joined(separator: ","))}".utf8)
        header += Array(repeating: UInt8(ascii: " "), count: (8 - header.count % 8) % 8)
        return withUnsafeBytes(of: UInt64(header.count).littleEndian, Array.init) + header
    }

    private static func check(_ tensor: Tensor, _ path: String) throws(FormatError) {
        let type = tensor.values.type
        guard type.isInSafetensors else {
            throw FormatError(
                .unsupported, "tensor \(tensor.name.quoted) is \(type.name), which safetensors does not have",
                place: path)
        }
        let bytes = tensor.shape.reduce(type.blockBytes, *)
        guard bytes == tensor.values.byteCount else {
            throw FormatError(
                .corrupt,
                "tensor \(tensor.name.quoted) of shape \(tensor.shape) and dtype \(type.name) takes \(bytes) bytes, "
                    + "but has \(tensor.values.byteCount)", place: path)
        }
    }

    private static func quote(_ text: String) -> String { JSON.string(text).text() }
}
