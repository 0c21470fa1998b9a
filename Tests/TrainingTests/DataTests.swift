import Testing
import Training

@Suite struct DataSourceTests {
    private func lines(_ count: Int) -> String {
        "text\tlabel\n" + (0..<count).map { "row \($0)\tx\n" }.joined()
    }

    private func lineNumbers(_ rows: [DataSource.Row]) -> [Int] { rows.map(\.record.line) }

    @Test func drawsTheSplit() throws {
        let scratch = try Scratch()
        let file = try scratch.write("all.tsv", lines(20))
        let source = try DataSource(file, split: (0.2, 0.1), seed: 3)
        let parts = [source.train, source.valid, source.test].map(lineNumbers)
        #expect(parts.map(\.count) == [14, 4, 2])
        #expect(parts.joined().sorted() == Array(2...21))
        for part in parts { #expect(part == part.sorted()) }
        let again = try DataSource(file, split: (0.2, 0.1), seed: 3)
        #expect(lineNumbers(again.valid) == parts[1])
        let other = try DataSource(file, split: (0.2, 0.1), seed: 4)
        #expect(lineNumbers(other.valid) != parts[1])
    }

    @Test func refusesASplitOfWhatIsSplit() throws {
        let scratch = try Scratch()
        _ = try scratch.write("train.tsv", lines(4))
        #expect(try DataSource(scratch.path, split: (0.25, 0), seed: 0).train.count == 3)
        _ = try scratch.write("valid.tsv", lines(2))
        #expect(try trainingError { _ = try DataSource(scratch.path, split: (0.25, 0), seed: 0) }.contains("--split"))
        #expect(try DataSource(scratch.path, split: nil, seed: 0).valid.count == 2)
        _ = try scratch.write("train.csv", "text,label\na,b\n")
        #expect(try trainingError { _ = try DataSource(scratch.path, split: nil, seed: 0) }.contains("train.csv"))
    }

    @Test func skipsBlankLines() throws {
        let scratch = try Scratch()
        let rows = try DataSource.texts(try scratch.write("texts.txt", "a\n\n \r\nb"))
        #expect(rows.map(\.place).map { $0.split(separator: ":").last } == ["1", "4"])
    }
}

@Suite struct ShuffleTests {
    @Test func ordersAll() {
        for count in [0, 1, 2, 100] {
            #expect(Shuffle(seed: 1, "a").order(count).sorted() == Array(0..<count))
        }
        let order = Shuffle(seed: 1, "a").order(100)
        #expect(order != Array(0..<100))
        #expect(order == Shuffle(seed: 1, "a").order(100))
        #expect(order != Shuffle(seed: 2, "a").order(100))
        #expect(order != Shuffle(seed: 1, "b").order(100))
    }

    /// All 24 orders of 4, each as often as another: the largest of 24 deviations of 500 draws is below 5 of theirs (22).
    @Test func isFair() {
        var counts: [[Int]: Int] = [:]
        for seed in 0..<12000 { counts[Shuffle(seed: UInt64(seed), "fair").order(4), default: 0] += 1 }
        #expect(counts.count == 24)
        #expect(counts.values.allSatisfy { abs($0 - 500) < 110 })
    }
}
