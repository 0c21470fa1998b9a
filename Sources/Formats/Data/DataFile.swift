/// Reads tables: `.tsv` (tabs, no quoting), `.csv` (RFC 4180) and `.jsonl` (one JSON object a line).
///
/// TSV and CSV begin with a header of column names. Files are UTF-8, with or without a byte order mark; lines end in LF or
/// CRLF. One empty line at the end is ignored, any other is an error.
package enum DataFile {
    /// - Throws: `FormatError` with file and line (`train.tsv:3`).
    package static func read(_ path: String) throws(FormatError) -> DataTable {
        switch path.split(separator: "/").last?.split(separator: ".").dropFirst().last?.lowercased() {
        case "tsv": return try table(path, separatedRows(DataText(path)))
        case "csv": return try table(path, CSVReader.rows(DataText(path)))
        case "jsonl": return try objects(DataText(path))
        default:
            throw FormatError(
                .unsupported, "the kind of data is not known by the file's name", place: path,
                remedy: "name it .tsv, .csv or .jsonl")
        }
    }

    /// A line's fields, not yet matched with the header.
    struct Row {
        var line: Int
        var fields: [String]
    }

    private static func separatedRows(_ text: DataText) throws(FormatError) -> [Row] {
        try text.lines().map { line in
            let fields = line.bytes.split(separator: UInt8(ascii: "\t"), omittingEmptySubsequences: false)
            return Row(line: line.number, fields: fields.map { String(decoding: $0, as: UTF8.self) })
        }
    }

    /// The first row names the columns of the others.
    private static func table(_ path: String, _ rows: [Row]) throws(FormatError) -> DataTable {
        guard let header = rows.first else { throw FormatError(.truncated, "the file has no header", place: path) }
        let columns = header.fields
        if let empty = columns.firstIndex(of: "") {
            throw FormatError(.corrupt, "column \(empty + 1) has no name", place: "\(path):\(header.line)")
        }
        var seen: Set<String> = []
        if let twice = columns.first(where: { !seen.insert($0).inserted }) {
            throw FormatError(.corrupt, "two columns are named \(twice.quoted)", place: "\(path):\(header.line)")
        }
        var records: [DataTable.Record] = []
        for row in rows.dropFirst() {
            guard row.fields.count == columns.count else {
                throw FormatError(
                    .corrupt, "\(row.fields.count) fields, but the header names \(columns.count)",
                    place: "\(path):\(row.line)")
            }
            let pairs = zip(columns, row.fields.lazy.map(JSON.string))
            records.append(DataTable.Record(line: row.line, values: Dictionary(uniqueKeysWithValues: pairs)))
        }
        return DataTable(path: path, columns: columns, records: records)
    }

    private static func objects(_ text: DataText) throws(FormatError) -> DataTable {
        var columns: [String] = []
        var known: Set<String> = []
        var records: [DataTable.Record] = []
        for line in try text.lines() {
            let place = "\(text.path):\(line.number)"
            guard let members = try JSON.parse(line.bytes, place: place).members else {
                throw FormatError(.corrupt, "the line is not a JSON object", place: place)
            }
            for member in members where known.insert(member.key).inserted { columns.append(member.key) }
            let values = Dictionary(members.map { ($0.key, $0.value) }) { _, last in last }
            records.append(DataTable.Record(line: line.number, values: values))
        }
        return DataTable(path: text.path, columns: columns, records: records)
    }
}
