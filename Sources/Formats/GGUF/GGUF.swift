/// A GGUF file, versions 2 and 3, little-endian: typed metadata and tensors, read in place.
///
/// Layout (ggml's `docs/gguf.md`): magic, version, number of tensors, number of metadata entries; the entries (key,
/// type, value); the tensors' descriptions (name, dimensions with the innermost first, type, offset); padding; data.
/// Offsets count from the beginning of the data, and are multiples of `general.alignment` (32 where it is not given).
package struct GGUF: Sendable {
    let file: MappedFile
    /// 2 or 3.
    package let version: Int
    /// Bytes; a power of two.
    package let alignment: Int
    let values: [String: Value]
    package let tensors: TensorTable

    /// - Throws: `FormatError` that names what is wrong: nothing is allocated before the file is seen to be large enough.
    package init(_ path: String) throws(FormatError) {
        file = try MappedFile(path)
        var cursor = ByteCursor(file)
        version = try GGUF.version(&cursor)
        // A description takes at least 24 bytes (length of its name, number of dimensions, type, offset), an entry 13.
        let tensorCount = try cursor.count(of: "tensors", size: 24)
        let valueCount = try cursor.count(of: "metadata entries", size: 13)
        values = try GGUF.values(&cursor, count: valueCount)
        alignment = try GGUF.alignment(values, file)
        tensors = try GGUF.tensors(&cursor, count: tensorCount, alignment: alignment)
    }

    package var path: String { file.path }

    private static func version(_ cursor: inout ByteCursor) throws(FormatError) -> Int {
        let path = cursor.file.path
        guard cursor.file.bytes.starts(with: "GGUF".utf8) else {
            throw FormatError(.corrupt, "not a GGUF file: it does not begin with 'GGUF'", place: path)
        }
        try cursor.skip(4, "the magic")
        let version = try cursor.integer(UInt32.self, "the version")
        switch version {
        case 2, 3: return Int(version)
        case 2 << 24, 3 << 24:
            throw FormatError(
                .unsupported, "GGUF version \(version >> 24) in big-endian byte order is not implemented", place: path,
                remedy: "use the little-endian file")
        default:
            throw FormatError(
                .unsupported, "GGUF version \(version) is not implemented, only 2 and 3 are", place: path,
                remedy: "convert the model again with a current tool")
        }
    }

    private static func alignment(_ values: [String: Value], _ file: MappedFile) throws(FormatError) -> Int {
        guard let value = values["general.alignment"] else { return 32 }
        guard value.type == .uint32, !value.isArray else {
            throw FormatError(.corrupt, "general.alignment is \(value), not uint32", place: file.path)
        }
        let alignment = Int(file.bytes.loadUnaligned(fromByteOffset: value.offset, as: UInt32.self).littleEndian)
        guard alignment > 0, alignment & (alignment - 1) == 0 else {
            throw FormatError(.corrupt, "general.alignment is \(alignment), not a power of two", place: file.path)
        }
        return alignment
    }

    /// What the header says of a tensor; where the data begin is known only after the last of them.
    private struct Description {
        var name: String
        var shape: [Int]
        var type: StorageType
        var offset: UInt64
    }

    private static func tensors(
        _ cursor: inout ByteCursor, count: Int, alignment: Int
    ) throws(FormatError) -> TensorTable {
        let file = cursor.file
        var descriptions: [Description] = []
        for _ in 0..<count { descriptions.append(try description(&cursor)) }
        let start = (cursor.offset + alignment - 1) / alignment * alignment
        var tensors: [StoredTensor] = []
        for item in descriptions {
            guard item.offset.isMultiple(of: UInt64(alignment)) else {
                throw FormatError(
                    .corrupt, "tensor \(item.name.quoted) is at offset \(item.offset), not a multiple of \(alignment)",
                    place: file.path)
            }
            guard item.offset <= UInt64(file.size) else {
                throw FormatError(
                    .truncated,
                    "tensor \(item.name.quoted) is at offset \(item.offset), but the file has \(file.size) bytes",
                    place: file.path, remedy: "download or copy the file again")
            }
            tensors.append(
                try StoredTensor(
                    name: item.name, shape: item.shape, type: item.type, file: file, offset: start + Int(item.offset)))
        }
        try refuseOverlaps(tensors)
        return try TensorTable(tensors, place: file.path)
    }

    private static func description(_ cursor: inout ByteCursor) throws(FormatError) -> Description {
        let place = cursor.file.path
        let name = try cursor.string("the name of a tensor")
        let dimensions = try cursor.integer(UInt32.self, "the number of dimensions of a tensor")
        guard dimensions <= 4 else {
            throw FormatError(
                .corrupt, "tensor \(name.quoted) has \(dimensions) dimensions, more than 4", place: place)
        }
        var shape: [Int] = []
        for _ in 0..<dimensions {
            let size = try cursor.integer(UInt64.self, "the dimensions of a tensor")
            guard let size = Int(exactly: size) else {
                throw FormatError(.corrupt, "tensor \(name.quoted) has a dimension of \(size)", place: place)
            }
            shape.insert(size, at: 0)
        }
        let number = try cursor.integer(UInt32.self, "the type of a tensor")
        let type = try StorageType(ggmlNumber: number, tensor: name, place: place)
        let offset = try cursor.integer(UInt64.self, "the offset of a tensor")
        return Description(name: name, shape: shape, type: type, offset: offset)
    }

    private static func refuseOverlaps(_ tensors: [StoredTensor]) throws(FormatError) {
        let ordered = tensors.filter { !$0.range.isEmpty }.sorted { $0.range.lowerBound < $1.range.lowerBound }
        for (first, second) in zip(ordered, ordered.dropFirst()) where first.range.overlaps(second.range) {
            throw FormatError(
                .corrupt,
                "tensors \(first.name.quoted) and \(second.name.quoted) overlap at byte \(second.range.lowerBound)",
                place: first.file.path)
        }
    }
}
