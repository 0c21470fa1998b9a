/// A table for people: columns aligned, written row by row as the rows come.
struct Table {
    private let columns: [(title: String, width: Int)]

    init(_ columns: [(title: String, width: Int)]) {
        self.columns = columns.map { ($0.title, Swift.max($0.title.count, $0.width)) }
    }

    var header: String {
        row(columns.map(\.title)) + "\n"
            + columns.map { String(repeating: "─", count: $0.width) }.joined(separator: "  ")
    }

    /// Cells are aligned to the right.
    func row(_ cells: [String]) -> String {
        zip(columns, cells).map { column, cell in
            String(repeating: " ", count: Swift.max(0, column.width - cell.count)) + cell
        }.joined(separator: "  ")
    }
}
