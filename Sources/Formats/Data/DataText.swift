/// The text of a data file, known to be UTF-8.
struct DataText {
    let path: String
    /// Without the byte order mark that some editors write.
    let bytes: [UInt8]

    struct Line {
        /// Counted from 1.
        var number: Int
        /// Without the LF or CRLF at its end.
        var bytes: ArraySlice<UInt8>
    }

    /// - Throws: `FormatError` where the file cannot be read, is empty, or is not UTF-8 (with the line).
    init(_ path: String) throws(FormatError) {
        self.path = path
        let content = try MappedFile.content(path)
        bytes = content.starts(with: [0xEF, 0xBB, 0xBF]) ? Array(content[3...]) : content
        guard !bytes.isEmpty else { throw FormatError(.truncated, "the file is empty", place: path) }
        for line in split() where String(validating: line.bytes, as: UTF8.self) == nil {
            throw FormatError(.corrupt, "the line is not UTF-8", place: "\(path):\(line.number)")
        }
    }

    /// - Throws: `FormatError` where a line is blank, unless it is the last.
    func lines() throws(FormatError) -> [Line] {
        var lines = split()
        if lines.count > 1, lines.last?.bytes.isEmpty == true { lines.removeLast() }
        if let empty = lines.first(where: \.bytes.isEmpty) { throw blank(line: empty.number) }
        return lines
    }

    func blank(line: Int) -> FormatError {
        FormatError(.corrupt, "the line is blank", place: "\(path):\(line)", remedy: "delete it")
    }

    /// The lines, whatever is in them; the LF of the last one begins no further line.
    private func split() -> [Line] {
        var lines: [Line] = []
        var rest = bytes[...]
        while !rest.isEmpty {
            let end = rest.firstIndex(of: UInt8(ascii: "\n")) ?? rest.endIndex
            var line = rest[..<end]
            if line.last == UInt8(ascii: "\r") { line.removeLast() }
            lines.append(Line(number: lines.count + 1, bytes: line))
            rest = rest[min(end + 1, rest.endIndex)...]
        }
        return lines
    }
}
