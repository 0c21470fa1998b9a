import Charts
import Foundation
import Testing

#if canImport(FoundationXML)
    import FoundationXML
#endif

enum XML {
    static func isWellFormed(_ data: Data) -> Bool { (try? XMLDocument(data: data)) != nil }
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
        #expect(!XML.isWellFormed(Data("<svg><text>a</svg>".utf8)))
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
