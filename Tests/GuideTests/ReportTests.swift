import Charts
import Formats
import Foundation
import GuideExperiment
import Testing

struct ReportTests {
    /// Against scipy.stats.t: mean, t(0.975, 2) · s / √3.
    @Test func intervals() {
        let sample = Sample([0.93, nil, 0.94, 0.92])
        #expect(abs(sample.mean! - 0.93) < 1e-12)
        #expect(abs(sample.deviation! - 0.01) < 1e-12)
        #expect(abs(sample.halfInterval! - 4.302653 * 0.01 / 3.0.squareRoot()) < 1e-5)
        #expect(sample.text(digits: 3) == "0.930 ± 0.025")
        #expect(Sample([0.5]).text(digits: 2) == "0.50" && Sample([nil]).text(digits: 2) == "–")
        // scipy.stats.t.ppf(0.975, n)
        for (freedom, value) in [(1, 12.706205), (4, 2.776445), (30, 2.042272), (31, 2.039513), (100, 1.983972)] {
            #expect(abs(Sample.studentQuantile(freedom: freedom) - value) < 1e-3)
        }
    }

    @Test func summary() throws {
        let ours = [
            (
                method: "LoRA",
                runs: [
                    try JournalTests.entry("LoRA", seed: 0, test: 0.93),
                    try JournalTests.entry("LoRA", seed: 1, test: 0.95),
                ]
            )
        ]
        let alone = ResultTable.summary(ours, reference: []).split(separator: "\n")
        // Best and last of 0.8, 0.9, 0.7; the fastest of 100, 200 and 300 tokens/s; t(0.975, 1) · 0.0141 / √2 = 0.127
        #expect(
            alone.last
                == "| LoRA | 58,752 | 0.9500 | 0.7500 | 0.9000 | 0.7000 | 0.9400 ± 0.1271 | 300 | 250 | 0.24 | 2 |")
        let theirs = [(method: "LoRA", runs: [try JournalTests.entry("LoRA", seed: 0, test: 0.91)])]
        let both = ResultTable.summary(ours, reference: theirs).split(separator: "\n")
        #expect(both.last?.contains("| 0.9400 ± 0.1271 | 0.9100 | 300 | 250 |") == true)
        for lines in [alone, both] {
            #expect(Set(lines.map { $0.split(separator: "|", omittingEmptySubsequences: false).count }).count == 1)
        }
    }

    /// The page and the charts come from the journals alone.
    @Test func page() throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: "guide-\(UUID().uuidString)").path
        try FileManager.default.createDirectory(atPath: folder + "/guide", withIntermediateDirectories: true)
        let report = Report(folder: folder, methods: ["LoRA"])
        var journal = try Journal(report.journalPath(.tenEpochs, .ours))
        try journal.append(JournalTests.entry("LoRA", seed: 0))
        try report.write()
        let page = try String(contentsOfFile: folder + "/Guide.md", encoding: .utf8)
        #expect(page.contains("| 2 | 0.5000 | 0.1000 | 0.9500 | 0.9000 |"))
        #expect(page.contains("| LoRA | LoRA | defaults | 0.001 |"))
        for file in ["loss", "auc", "accuracy"] {
            #expect(page.contains("](guide/\(file).svg)"))
            #expect(XML.isWellFormed(try Data(contentsOf: URL(filePath: "\(folder)/guide/\(file).svg"))))
        }
        #expect(!page.contains("batches of eight\n\n|"))
    }

    @Test func table() throws {
        let path = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent().appending(path: "Benchmarks/Guide/methods.json").path
        let all = try GuideMethod.read(path)
        #expect(all.count == 9 && Set(all.map(\.plugin)).count == 9)
        #expect(all.filter { $0.peft == nil }.map(\.plugin) == ["BottleneckAdapter"])
        #expect(try GuideMethod.select(["lora", "(ia)³"], from: all).map(\.plugin) == ["LoRA", "IA3"])
        let error = #expect(throws: GuideError.self) { try GuideMethod.select(["LoRA", "QLoRA"], from: all) }
        #expect(error?.place == "QLoRA" && error?.remedy.contains("LoRA,IA3") == true)
    }
}
