import Charts
import Foundation
import Testing

/// As strict as charts need it, which Foundation's parsers are not here: tags are closed in their order, attributes are
/// quoted, and text is escaped.
enum XML {
    static func isWellFormed(_ data: Data) -> Bool {
        var rest = Substring(decoding: data, as: UTF8.self)
        var open: [Substring] = []
        var roots = 0
        while let first = rest.first {
            if first == "<" {
                let pattern = /<(\/?)([A-Za-z]+)((?:\s+[A-Za-z0-9:_-]+="[^"<&]*")*)\s*(\/?)>/
                guard let tag = rest.prefixMatch(of: pattern) else { return false }
                let (isEnd, isWhole) = (!tag.1.isEmpty, !tag.4.isEmpty)
                if open.isEmpty, !isEnd { roots += 1 }
                if isEnd {
                    guard open.popLast() == tag.2, tag.3.isEmpty, !isWhole else { return false }
                } else if !isWhole {
                    open.append(tag.2)
                }
                rest = rest[tag.range.upperBound...]
            } else {
                guard let text = rest.prefixMatch(of: /(?:[^<&]|&(?:amp|lt|gt|quot);)+/) else { return false }
                guard !open.isEmpty || text.0.allSatisfy(\.isWhitespace) else { return false }
                rest = rest[text.range.upperBound...]
            }
        }
        return open.isEmpty && roots == 1
    }
}

struct ChartTests {
    @Test func wellFormed() {
        let charts = [
            LineChart(title: "a < b & \"c\"", xLabel: "Epoch", series: []),
            LineChart(
                title: "nine", xLabel: "Epoch",
                series: (0..<11).map { number in
                    .init("M<\(number)>", color: number, points: (1...10).map { (Double($0), Double($0 * number)) })
                }),
            LineChart(
                title: "gaps", xLabel: "Epoch",
                series: [.init("one", color: 0, points: [(1, .nan), (2, 0.5), (3, .infinity)])]),
        ]
        for chart in charts {
            let svg = chart.svg
            #expect(XML.isWellFormed(Data(svg.utf8)))
            #expect(!svg.contains("nan") && !svg.contains("inf") && svg.contains("prefers-color-scheme: dark"))
        }
        for wrong in ["<svg><text>a</svg>", "<svg>", "<svg/><svg/>", "<svg>a & b</svg>", "<svg a=1/>", "<svg></svg>x"] {
            #expect(!XML.isWellFormed(Data(wrong.utf8)), "\(wrong)")
        }
        #expect(charts[1].svg.components(separatedBy: "<polyline").count == 12)
    }

    /// The greatest value stands higher (a smaller y) than the least, inside the axes.
    @Test func places() throws {
        let chart = LineChart(title: "t", xLabel: "x", series: [.init("s", color: 0, points: [(1, 0.5), (2, 1.0)])])
        let list = try #require(chart.svg.firstMatch(of: /points="([^"]*)"/)).1
        let points = list.split(separator: " ").map { $0.split(separator: ",").compactMap { Double($0) } }
        #expect(points == [[58, 336], [544, 48]])
    }

    @Test func ticks() {
        let accuracy = Ticks(around: 0.513...0.945, most: 6)
        #expect(accuracy.values.map(accuracy.label) == ["0.5", "0.6", "0.7", "0.8", "0.9", "1.0"])
        let epochs = Ticks(around: 1...3, most: 10, wholeNumbers: true)
        #expect(epochs.values.map(epochs.label) == ["1", "2", "3"])
        let loss = Ticks(around: 0.0012...0.0031, most: 6)
        #expect(loss.values.map(loss.label) == ["0.0010", "0.0015", "0.0020", "0.0025", "0.0030", "0.0035"])
        for single in [0.0, 0.5, -3] {
            let ticks = Ticks(around: single...single, most: 6)
            #expect(ticks.values.first! < single && ticks.values.last! > single)
        }
    }
}
