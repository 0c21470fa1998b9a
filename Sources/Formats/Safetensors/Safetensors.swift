/// Tensors in the safetensors format, read in place: one file, or a Hugging Face folder whose shards an index lists.
///
/// Layout: the header's length (64 bits, little-endian), the header (JSON: name → dtype, shape, offsets), the data.
/// Offsets count from the beginning of the data, which the tensors fill without gap or overlap.
package struct Safetensors: Sendable {
    /// File or folder.
    package let path: String
    /// `__metadata__`; of a sharded folder that of its first shard.
    package let metadata: [String: String]
    package let tensors: TensorTable

    /// The longest header that the format's own library reads.
    static let maximumHeader = 100_000_000

    /// - Throws: `FormatError` where the file is missing, truncated, contradicts itself or holds an unknown dtype.
    package init(file path: String) throws(FormatError) {
        let file = try MappedFile(path)
        let (header, start) = try Safetensors.header(file)
        var metadata: [String: String] = [:]
        var tensors: [StoredTensor] = []
        for member in header {
            if member.key == "__metadata__" {
                metadata = try Safetensors.metadata(member.value, path)
            } else {
                tensors.append(try Safetensors.tensor(member, file, start: start))
            }
        }
        try Safetensors.refuseGaps(tensors, from: start, file)
        self.path = path
        self.metadata = metadata
        self.tensors = try TensorTable(tensors, place: path)
    }

    init(path: String, metadata: [String: String], tensors: TensorTable) {
        self.path = path
        self.metadata = metadata
        self.tensors = tensors
    }

    /// The header's members, and where the data begin.
    private static func header(_ file: MappedFile) throws(FormatError) -> ([JSON.Member], start: Int) {
        guard file.size >= 8 else {
            throw FormatError(.truncated, "the file has \(file.size) bytes, too few for a header", place: file.path)
        }
        let length = UInt64(littleEndian: file.bytes.loadUnaligned(as: UInt64.self))
        guard length <= UInt64(maximumHeader) else {
            throw FormatError(
                .corrupt,
                "the header's length is \(length), more than the \(maximumHeader) bytes that the format allows",
                place: file.path, remedy: "is this a safetensors file?")
        }
        guard length <= UInt64(file.size - 8) else {
            throw FormatError(
                .truncated, "the header has \(length) bytes, but only \(file.size - 8) follow", place: file.path,
                remedy: "download or copy the file again")
        }
        let start = 8 + Int(length)
        let header = try JSON.parse(file.bytes[8..<start], place: file.path)
        guard let members = header.members else {
            throw FormatError(.corrupt, "the header is not a JSON object", place: file.path)
        }
        return (members, start)
    }

    private static func metadata(_ value: JSON, _ path: String) throws(FormatError) -> [String: String] {
        guard let members = value.members else {
            throw FormatError(.corrupt, "__metadata__ is not a JSON object", place: path)
        }
        var metadata: [String: String] = [:]
        for member in members {
            guard let text = member.value.string else {
                throw FormatError(.corrupt, "__metadata__ has \(member.key.quoted), which is no string", place: path)
            }
            metadata[member.key] = text
        }
        return metadata
    }

    private static func tensor(
        _ member: JSON.Member, _ file: MappedFile, start: Int
    ) throws(FormatError) -> StoredTensor {
        let name = member.key
        func error(_ code: FormatError.Code, _ message: String) -> FormatError {
            FormatError(code, "tensor \(name.quoted) \(message)", place: file.path)
        }
        guard let dtype = member.value["dtype"]?.string else { throw error(.corrupt, "has no dtype") }
        guard let type = StorageType(rawValue: dtype), type.isInSafetensors else {
            throw error(.unsupported, "has the dtype \(dtype.quoted), which is not implemented")
        }
        guard let shape = integers(member.value["shape"]) else { throw error(.corrupt, "has no shape") }
        guard let offsets = integers(member.value["data_offsets"]), offsets.count == 2, offsets[0] <= offsets[1] else {
            throw error(.corrupt, "has no data_offsets")
        }
        let available = file.size - start
        guard offsets[1] <= available else {
            throw error(.truncated, "ends at byte \(offsets[1]) of the data, but there are \(available)")
        }
        let tensor = try StoredTensor(name: name, shape: shape, type: type, file: file, offset: start + offsets[0])
        guard tensor.range.count == offsets[1] - offsets[0] else {
            throw error(
                .corrupt,
                "of shape \(shape) and dtype \(dtype) takes \(tensor.range.count) bytes, but has \(offsets[1] - offsets[0])"
            )
        }
        return tensor
    }

    /// An array of numbers that are whole and not negative.
    private static func integers(_ value: JSON?) -> [Int]? {
        guard let elements = value?.array else { return nil }
        let numbers = elements.compactMap { element in
            if case .integer(let number) = element, number >= 0 { Int(number) } else { nil }
        }
        return numbers.count == elements.count ? numbers : nil
    }

    private static func refuseGaps(
        _ tensors: [StoredTensor], from start: Int, _ file: MappedFile
    ) throws(FormatError) {
        let ordered = tensors.sorted {
            ($0.range.lowerBound, $0.range.upperBound) < ($1.range.lowerBound, $1.range.upperBound)
        }
        var end = start
        for tensor in ordered {
            guard tensor.range.lowerBound >= end else {
                throw FormatError(
                    .corrupt, "tensor \(tensor.name.quoted) overlaps another at byte \(tensor.range.lowerBound)",
                    place: file.path)
            }
            guard tensor.range.lowerBound == end else {
                throw FormatError(
                    .corrupt,
                    "\(tensor.range.lowerBound - end) bytes before tensor \(tensor.name.quoted) belong to no tensor",
                    place: file.path)
            }
            end = tensor.range.upperBound
        }
        guard end == file.size else {
            throw FormatError(
                .corrupt, "the last \(file.size - end) bytes of the file belong to no tensor", place: file.path)
        }
    }
}
