import Foundation

/// Curves over one axis as a self-contained SVG picture. Its colours follow the reader's light or dark setting, its text
/// is in the reader's own font, and it stays readable at the width of a phone.
package struct LineChart: Sendable {
    package struct Series: Sendable {
        package var name: String
        /// Which of the colours, counted from 0: the same method looks the same in every chart.
        package var color: Int
        /// Points whose y is not finite are gaps.
        package var points: [(x: Double, y: Double)]

        package init(_ name: String, color: Int, points: [(x: Double, y: Double)]) {
            self.name = name
            self.color = color
            self.points = points
        }

        fileprivate var finite: [(x: Double, y: Double)] { points.filter { $0.x.isFinite && $0.y.isFinite } }
    }

    package var title: String
    package var xLabel: String
    package var series: [Series]

    package init(title: String, xLabel: String, series: [Series]) {
        self.title = title
        self.xLabel = xLabel
        self.series = series
    }

    // User units of the picture.
    private static let width = 560.0
    private static let plot = (left: 58.0, right: 544.0, top: 48.0, bottom: 336.0)
    private static let legend = (top: 402.0, row: 26.0, columns: 2)
    /// Of light and of dark surroundings: told apart by people of any colour vision, with the dash pattern beside.
    private static let colors = [
        ("#0072b2", "#5cb8f0"), ("#d55e00", "#ff8f4a"), ("#009e73", "#3fd0a6"), ("#b4518e", "#ee9fcb"),
        ("#a67c00", "#e6b93a"), ("#7b4fa3", "#bb96e0"), ("#4d4d4d", "#c8c8c8"), ("#b3202c", "#ff7c85"),
        ("#5b7f00", "#a9cf4f"),
    ]
    private static let dashes = ["none", "7 3", "2 3"]

    package var svg: String {
        let rows = (series.count + Self.legend.columns - 1) / Self.legend.columns
        let height = Self.legend.top + Double(rows) * Self.legend.row
        var parts = [
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 \(text(Self.width)) \(text(height))\" "
                + "width=\"\(text(Self.width))\" height=\"\(text(height))\" role=\"img\">",
            "<title>\(escaped(title))</title>", style,
            "<rect class=\"ground\" width=\"100%\" height=\"100%\"/>",
            label(title, x: Self.plot.left, y: 28, class: "title", anchor: "start"),
        ]
        let points = series.flatMap(\.finite)
        if let x = range(points.map(\.x)), let y = range(points.map(\.y)) {
            let (xTicks, yTicks) = (
                Ticks(around: x, most: 10, wholeNumbers: true), Ticks(around: y, most: 6)
            )
            parts += axes(xTicks, yTicks)
            parts += series.flatMap { curve($0, xTicks, yTicks) }
        } else {
            parts.append(label("no points", x: 301, y: 192, class: "tick", anchor: "middle"))
        }
        parts += series.enumerated().map { entry($1, number: $0) }
        return (parts + ["</svg>"]).joined(separator: "\n") + "\n"
    }

    // MARK: Parts

    private var style: String {
        func colors(_ pick: ((String, String)) -> String) -> String {
            Self.colors.enumerated().map { ".c\($0) { stroke: \(pick($1)); fill: \(pick($1)); }" }.joined(
                separator: " ")
        }
        return """
            <style>
            text { font-family: system-ui, sans-serif; font-size: 15px; fill: #24292f; }
            .title { font-size: 17px; font-weight: 600; }
            .ground { fill: #ffffff; } .grid { stroke: #d8dee4; } .axis { stroke: #57606a; }
            .line { fill: none; stroke-width: 2.5; stroke-linejoin: round; } .dot { stroke: none; }
            \(colors { $0.0 }) .line { fill: none; } .dot { stroke: none; }
            @media (prefers-color-scheme: dark) {
            text { fill: #e6edf3; } .ground { fill: #0d1117; } .grid { stroke: #30363d; } .axis { stroke: #8d96a0; }
            \(colors { $0.1 }) .line { fill: none; } .dot { stroke: none; }
            }
            </style>
            """
    }

    private func axes(_ x: Ticks, _ y: Ticks) -> [String] {
        let p = Self.plot
        var parts: [String] = []
        for tick in y.values {
            let at = place(tick, y, from: p.bottom, to: p.top)
            parts.append(line(p.left, at, p.right, at, class: "grid"))
            parts.append(label(y.label(tick), x: p.left - 8, y: at + 5, class: "tick", anchor: "end"))
        }
        for tick in x.values {
            let at = place(tick, x, from: p.left, to: p.right)
            parts.append(line(at, p.bottom, at, p.bottom + 5, class: "axis"))
            parts.append(label(x.label(tick), x: at, y: p.bottom + 22, class: "tick", anchor: "middle"))
        }
        parts.append(line(p.left, p.bottom, p.right, p.bottom, class: "axis"))
        let middle = (p.left + p.right) / 2
        return parts + [label(xLabel, x: middle, y: p.bottom + 42, class: "tick", anchor: "middle")]
    }

    private func curve(_ series: Series, _ x: Ticks, _ y: Ticks) -> [String] {
        let p = Self.plot
        let points = series.finite.map {
            (place($0.x, x, from: p.left, to: p.right), place($0.y, y, from: p.bottom, to: p.top))
        }
        let path = points.map { "\(text($0.0)),\(text($0.1))" }.joined(separator: " ")
        let color = series.color % Self.colors.count
        return ["<polyline class=\"c\(color) line\" stroke-dasharray=\"\(dash(series))\" points=\"\(path)\"/>"]
            + points.map { "<circle class=\"c\(color) dot\" cx=\"\(text($0.0))\" cy=\"\(text($0.1))\" r=\"3.2\"/>" }
    }

    private func entry(_ series: Series, number: Int) -> String {
        let x = 24 + Double(number % Self.legend.columns) * (Self.width - 24) / Double(Self.legend.columns)
        let y = Self.legend.top + Double(number / Self.legend.columns) * Self.legend.row
        let color = series.color % Self.colors.count
        return
            "<line class=\"c\(color) line\" stroke-dasharray=\"\(dash(series))\" x1=\"\(text(x))\" y1=\"\(text(y))\" "
            + "x2=\"\(text(x + 34))\" y2=\"\(text(y))\"/>\n"
            + label(series.name, x: x + 44, y: y + 5, class: "name", anchor: "start")
    }

    // MARK: Pieces

    private func dash(_ series: Series) -> String { Self.dashes[series.color % Self.dashes.count] }

    private func range(_ values: [Double]) -> ClosedRange<Double>? {
        guard let least = values.min(), let most = values.max() else { return nil }
        return least...most
    }

    private func place(_ value: Double, _ ticks: Ticks, from start: Double, to end: Double) -> Double {
        let (first, last) = (ticks.values[0], ticks.values[ticks.values.count - 1])
        return start + (value - first) / (last - first) * (end - start)
    }

    private func line(_ x1: Double, _ y1: Double, _ x2: Double, _ y2: Double, class name: String) -> String {
        "<line class=\"\(name)\" x1=\"\(text(x1))\" y1=\"\(text(y1))\" x2=\"\(text(x2))\" y2=\"\(text(y2))\"/>"
    }

    private func label(_ content: String, x: Double, y: Double, class name: String, anchor: String) -> String {
        "<text class=\"\(name)\" x=\"\(text(x))\" y=\"\(text(y))\" text-anchor=\"\(anchor)\">\(escaped(content))</text>"
    }

    /// A coordinate, to a tenth.
    private func text(_ number: Double) -> String {
        let tenths = Int((number * 10).rounded())
        return tenths % 10 == 0 ? String(tenths / 10) : String(format: "%.1f", Double(tenths) / 10)
    }

    private func escaped(_ content: String) -> String {
        content.replacing("&", with: "&amp;").replacing("<", with: "&lt;").replacing(">", with: "&gt;")
    }
}
