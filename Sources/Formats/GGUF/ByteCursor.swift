/// Reads little-endian values one after the other from a mapped file, and never past its end.
struct ByteCursor {
    let file: MappedFile
    private(set) var offset: Int

    init(_ file: MappedFile, at offset: Int = 0) {
        self.file = file
        self.offset = offset
    }

    var remaining: Int { file.size - offset }

    /// - Parameter what: names the value in the error where the file ends before it.
    mutating func integer<T: FixedWidthInteger>(_: T.Type, _ what: String) throws(FormatError) -> T {
        let start = offset
        try skip(MemoryLayout<T>.size, what)
        return T(littleEndian: file.bytes.loadUnaligned(fromByteOffset: start, as: T.self))
    }

    /// An unsigned 64-bit number of things that each take at least `size` bytes of what is left of the file.
    mutating func count(of what: String, size: Int) throws(FormatError) -> Int {
        let start = offset
        let number = try integer(UInt64.self, "the number of \(what)")
        guard number <= UInt64(remaining / size) else {
            throw FormatError(
                .truncated, "the file promises \(number) \(what) at byte \(start), but only \(remaining) bytes follow",
                place: file.path)
        }
        return Int(number)
    }

    /// A string: its length in bytes (64 bits), then UTF-8.
    mutating func string(_ what: String) throws(FormatError) -> String {
        let range = try stringRange(what)
        guard let text = file.text(range) else {
            throw FormatError(.corrupt, "\(what) at byte \(range.lowerBound) is not UTF-8", place: file.path)
        }
        return text
    }

    /// Passes a string without looking at its bytes.
    @discardableResult
    mutating func stringRange(_ what: String) throws(FormatError) -> Range<Int> {
        let length = try integer(UInt64.self, what)
        guard length <= UInt64(remaining) else { throw truncated(what, length: length) }
        let start = offset
        offset += Int(length)
        return start..<offset
    }

    mutating func skip(_ length: Int, _ what: String) throws(FormatError) {
        guard length <= remaining else { throw truncated(what, length: UInt64(length)) }
        offset += length
    }

    private func truncated(_ what: String, length: UInt64) -> FormatError {
        FormatError(
            .truncated, "the file ends inside \(what): \(length) bytes at byte \(offset), but \(remaining) are left",
            place: file.path, remedy: "download or copy the file again")
    }
}
