import Engine
import Formats

/// The quantised layers of one base in a file: their bytes one after the other, each padded to a multiple of 64, and the
/// SHA-256 of all that as 64 digits. What lies where follows from the layers, so a file belongs to them by its name.
struct QuantizedFile {
    let path: String
    let layers: [(name: String, shape: [Int])]
    let quantizer: Quantizer

    /// The layers where they lie in the file, every byte of which is checked.
    ///
    /// - Throws: `FormatError` where it is truncated or corrupt.
    func open() throws(FormatError) -> [String: FrozenTensor] {
        let file = try MappedFile(path)
        let end = layers.reduce(0) { $0 + QuantizedFile.padded(quantizer.byteCount($1.shape)) }
        guard file.size == end + 64 else {
            throw FormatError(.truncated, "the file has \(file.size) bytes, not \(end + 64)", place: path)
        }
        let hash = SHA256()
        hash.update(UnsafeRawBufferPointer(rebasing: file.bytes[..<end]))
        guard Array(hash.finish().utf8) == Array(file.bytes[end...]) else {
            throw FormatError(.corrupt, "the bytes are not those that were written", place: path)
        }
        var tensors: [String: FrozenTensor] = [:]
        var offset = 0
        for (name, shape) in layers {
            tensors[name] = quantizer.tensor(at: file.bytes.baseAddress! + offset, shape: shape, owner: file)
            offset += QuantizedFile.padded(quantizer.byteCount(shape))
        }
        return tensors
    }

    /// Writes the file anew, one layer in memory at a time. Several processes may do so at once: each puts its own whole
    /// file in place.
    ///
    /// - Throws: `FormatError` where it cannot be written; what `encode` throws.
    func write(_ encode: (_ name: String, _ shape: [Int]) throws -> FrozenTensor) throws {
        let folder = String(path[..<path.lastIndex(of: "/")!])
        try Folder.make(folder)
        Folder.removeTemporaries(in: folder, olderThan: 3600)
        var file = try AtomicFile(path)
        let hash = SHA256()
        for (name, shape) in layers {
            let tensor = try encode(name, shape)
            let bytes = UnsafeRawBufferPointer(start: tensor.weight.data, count: tensor.bytes)
            let padding = [UInt8](repeating: 0, count: QuantizedFile.padded(bytes.count) - bytes.count)
            try withExtendedLifetime(tensor) {
                hash.update(bytes)
                try file.append(bytes.bytes)
            }
            padding.withUnsafeBytes(hash.update)
            try file.append(padding.span.bytes)
        }
        try file.append(Array(hash.finish().utf8).span.bytes)
        try file.commit()
    }

    private static func padded(_ count: Int) -> Int { (count + 63) / 64 * 64 }
}
