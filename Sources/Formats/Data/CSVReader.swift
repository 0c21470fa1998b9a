/// Splits CSV (RFC 4180) into rows: fields in double quotes may hold commas, line ends and doubled quotes.
struct CSVReader {
    private let bytes: [UInt8]
    private let path: String
    private var position = 0
    /// Counted from 1.
    private var line = 1

    /// All rows of a file, of which only the last may be blank; that one is left out.
    static func rows(_ text: DataText) throws(FormatError) -> [DataFile.Row] {
        var reader = CSVReader(text)
        var rows: [DataFile.Row] = []
        while reader.position < reader.bytes.count { rows.append(try reader.row()) }
        if rows.count > 1, rows.last?.fields.isEmpty == true { rows.removeLast() }
        if let blank = rows.first(where: \.fields.isEmpty) { throw text.blank(line: blank.line) }
        return rows
    }

    private init(_ text: DataText) {
        bytes = text.bytes
        path = text.path
    }

    /// The row that begins here, past its line end; without fields where the line is blank.
    private mutating func row() throws(FormatError) -> DataFile.Row {
        var row = DataFile.Row(line: line, fields: [])
        if takeLineEnd() { return row }
        while true {
            row.fields.append(take("\"") ? try quotedField() : try plainField())
            if take(",") { continue }
            guard position == bytes.count || takeLineEnd() else {
                throw error("text after the closing quote of a field", line)
            }
            return row
        }
    }

    /// Up to the next comma or line end.
    private mutating func plainField() throws(FormatError) -> String {
        let start = position
        while position < bytes.count, bytes[position] != UInt8(ascii: ","), bytes[position] != UInt8(ascii: "\n") {
            if bytes[position] == UInt8(ascii: "\"") {
                throw error("a quote inside a field that does not begin with one", line)
            }
            if bytes[position] == UInt8(ascii: "\r") {
                guard position + 1 < bytes.count, bytes[position + 1] == UInt8(ascii: "\n") else {
                    throw error("a carriage return without a line feed", line)
                }
                break
            }
            position += 1
        }
        return String(decoding: bytes[start..<position], as: UTF8.self)
    }

    /// Past the closing quote; the opening one has been taken.
    private mutating func quotedField() throws(FormatError) -> String {
        let opened = line
        var field: [UInt8] = []
        while position < bytes.count {
            let byte = bytes[position]
            position += 1
            if byte == UInt8(ascii: "\""), !take("\"") { return String(decoding: field, as: UTF8.self) }
            if byte == UInt8(ascii: "\n") { line += 1 }
            field.append(byte)
        }
        throw error("a field without its closing quote", opened)
    }

    private mutating func take(_ character: Unicode.Scalar) -> Bool {
        guard position < bytes.count, bytes[position] == UInt8(ascii: character) else { return false }
        position += 1
        return true
    }

    private mutating func takeLineEnd() -> Bool {
        let length = bytes[position...].starts(with: "\r\n".utf8) ? 2 : 1
        guard position < bytes.count, bytes[position + length - 1] == UInt8(ascii: "\n") else { return false }
        position += length
        line += 1
        return true
    }

    private func error(_ message: String, _ line: Int) -> FormatError {
        FormatError(.corrupt, message, place: "\(path):\(line)")
    }
}
