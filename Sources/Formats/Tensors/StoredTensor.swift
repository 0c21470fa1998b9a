/// A tensor as it lies in a mapped file: its bytes are neither copied nor converted.
package struct StoredTensor: Sendable {
    package let name: String
    /// Outermost dimension first, as in torch: a linear layer's weight is (out, in). Empty for a single number.
    package let shape: [Int]
    package let type: StorageType
    package let elementCount: Int
    /// The mapping that `bytes` points into.
    package let file: MappedFile
    /// Where the tensor lies in the file.
    package let range: Range<Int>

    /// - Parameter offset: of the tensor's first byte in the file.
    /// - Throws: `FormatError` where the tensor's size overflows, a row is not a whole number of blocks, or the tensor
    ///   does not lie inside the file.
    init(name: String, shape: [Int], type: StorageType, file: MappedFile, offset: Int) throws(FormatError) {
        func error(_ code: FormatError.Code, _ message: String) -> FormatError {
            FormatError(code, "tensor \(name.quoted) \(message)", place: file.path)
        }
        var count = 1
        for dimension in shape {
            let (product, overflow) = count.multipliedReportingOverflow(by: dimension)
            guard dimension >= 0, !overflow else { throw error(.corrupt, "has the impossible shape \(shape)") }
            count = product
        }
        guard (shape.last ?? 1).isMultiple(of: type.blockElements) else {
            throw error(
                .corrupt,
                "has rows of \(shape.last ?? 1) values, not a multiple of the \(type.blockElements) in a \(type.name) block"
            )
        }
        let (size, overflow) = (count / type.blockElements).multipliedReportingOverflow(by: type.blockBytes)
        guard !overflow else { throw error(.corrupt, "has the impossible shape \(shape)") }
        guard offset >= 0, offset <= file.size, size <= file.size - offset else {
            throw error(
                .truncated, "needs \(size) bytes at byte \(offset), but the file ends at byte \(file.size)")
        }
        self.name = name
        self.shape = shape
        self.type = type
        self.elementCount = count
        self.file = file
        self.range = offset..<offset + size
    }

    /// The stored bytes, for tables of pointers. They are valid only while `file` is kept by somebody: a tensor that is
    /// not held in a variable may be gone before its bytes are read. `withBytes` looks after that itself.
    ///
    /// GGUF aligns tensors to 32 bytes; a safetensors file by another writer may put them at any address.
    package var bytes: UnsafeRawBufferPointer { UnsafeRawBufferPointer(rebasing: file.bytes[range]) }

    /// The stored bytes, for the length of a call.
    package func withBytes<T, E: Error>(_ body: (UnsafeRawBufferPointer) throws(E) -> T) throws(E) -> T {
        try withExtendedLifetime(file) { () throws(E) -> T in try body(bytes) }
    }

    /// Bytes of one row, the innermost dimension.
    package var rowBytes: Int { (shape.last ?? 1) / type.blockElements * type.blockBytes }
}
