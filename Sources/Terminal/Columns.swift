import Foundation

/// Texts in columns, aligned to the left, for a list that is known as a whole.
package enum Columns {
    private static let gap = 2
    /// No column is made narrower than this.
    private static let narrowest = 7

    /// Characters of a line on the terminal; nil where standard output is none, and lines may have any length.
    package static var terminalWidth: Int? {
        var size = winsize()
        guard isatty(STDOUT_FILENO) != 0, ioctl(STDOUT_FILENO, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 0 else {
            return nil
        }
        return Int(size.ws_col)
    }

    /// One line a row. Where they would be wider than `width`, the widest columns are cut until they fit.
    package static func lines(_ rows: [[String]], width: Int?) -> [String] {
        var widths = rows.reduce(into: [Int](repeating: 0, count: rows.first?.count ?? 0)) { widths, row in
            for (column, cell) in row.enumerated() { widths[column] = max(widths[column], cell.count) }
        }
        let room = width.map { $0 - gap * (widths.count - 1) } ?? .max
        while widths.reduce(0, +) > room, let widest = widths.max(), widest > narrowest {
            widths[widths.lastIndex(of: widest)!] -= 1
        }
        return rows.map { row in
            let cells = zip(row, widths).map { cell, width in
                cell.count > width
                    ? cell.prefix(width - 1) + "…" : cell + String(repeating: " ", count: width - cell.count)
            }
            let line = cells.joined(separator: String(repeating: " ", count: gap))
            return String(line.reversed().drop { $0 == " " }.reversed())
        }
    }
}
