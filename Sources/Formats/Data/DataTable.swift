/// The rows of a data file, each with the line that it came from.
package struct DataTable: Sendable {
    /// The file, as errors name it.
    package let path: String
    /// Names in the order of the header; of JSON Lines in the order in which the records first use them.
    package let columns: [String]
    package let records: [Record]

    package struct Record: Sendable {
        /// Counted from 1, the header included; where the record begins, as a quoted CSV field may run over several.
        package let line: Int
        /// By column. The fields of TSV and CSV are strings; JSON Lines may leave a column out.
        package let values: [String: JSON]

        package init(line: Int, values: [String: JSON]) {
            self.line = line
            self.values = values
        }

        package subscript(column: String) -> JSON? { values[column] }
    }

    /// Names a record in errors: `train.tsv:3`.
    package func place(_ record: Record) -> String { "\(path):\(record.line)" }
}
