import Formats
import Foundation
import GuideExperiment
import Testing

struct JournalTests {
    static func entry(
        _ method: String, seed: Int, rate: Double = 1e-3, accuracies: [Double] = [0.8, 0.9, 0.7], test: Double = 0.9
    ) throws -> Journal.Entry {
        let settings = RunSettings(
            GuideMethod(name: method, plugin: method), .quick, .ours, seed: seed, version: "1.0.0", learningRate: rate,
            model: "m.gguf", data: "d")
        let epochs = accuracies.enumerated().map { number, accuracy -> JSON in
            [
                "epoch": .integer(Int64(number + 1)), "train_loss": 0.5, "valid_loss": .number(1 - accuracy),
                "roc_auc": .number(accuracy + 0.05), "accuracy": .number(accuracy),
                "tokens_per_second": .number(100 * Double(number + 1)), "other": "kept",
            ]
        }
        let last: JSON = [
            "test": ["loss": 0.3, "accuracy": .number(test)], "trainable": 58752, "peak_rss_mb": 250.5,
        ]
        return Journal.Entry(settings, try RunResult(epochs: epochs, last: last, adapterBytes: 250_464, seconds: 60))
    }

    private static func scratch() throws -> String {
        let folder = FileManager.default.temporaryDirectory.appending(path: "guide-\(UUID().uuidString)").path
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: false)
        return folder
    }

    @Test func whatWasWrittenIsReadAgain() throws {
        let path = try Self.scratch() + "/journal.jsonl"
        var journal = try Journal(path)
        #expect(journal.entries.isEmpty)
        let entries = [try Self.entry("LoRA", seed: 0), try Self.entry("IA3", seed: 1)]
        for entry in entries { try journal.append(entry) }
        let again = try Journal(path)
        #expect(again.entries == entries)
        #expect(entries.allSatisfy { again.has($0.hash) } && !again.has("0000000000000000"))
        let text = try String(contentsOfFile: path, encoding: .utf8)
        #expect(text.split(separator: "\n").count == 2 && text.hasSuffix("\n") && text.contains("\"other\": \"kept\""))
    }

    /// What a killed writer leaves is passed over; anything else that is no entry is an error that says where.
    @Test func damage() throws {
        let path = try Self.scratch() + "/journal.jsonl"
        var journal = try Journal(path)
        try journal.append(Self.entry("LoRA", seed: 0))
        let whole = try String(contentsOfFile: path, encoding: .utf8)
        try (whole + "{\"hash\": \"12").write(toFile: path, atomically: true, encoding: .utf8)
        var cut = try Journal(path)
        #expect(cut.entries.count == 1)
        try cut.append(Self.entry("LoRA", seed: 1))
        #expect(try Journal(path).entries.map(\.seed) == [0, 1])
        for wrong in ["{}", "{\"hash\": 1}", "nonsense"] {
            try (whole + wrong + "\n").write(toFile: path, atomically: true, encoding: .utf8)
            let error = #expect(throws: (any Error).self) { try Journal(path) }
            #expect("\(error!)".contains("journal.jsonl:2"))
        }
    }

    /// Of a method only runs with its latest settings count, of a seed only the last.
    @Test func whichRunsCount() throws {
        var journal = try Journal(Self.scratch() + "/journal.jsonl")
        let lines = [
            ("LoRA", 0, 1e-3, 0.5), ("LoRA", 1, 2e-3, 0.6), ("IA3", 0, 5e-3, 0.7), ("LoRA", 0, 2e-3, 0.8),
            ("LoRA", 1, 2e-3, 0.9), ("New", 0, 1e-3, 0.4),
        ]
        for (method, seed, rate, test) in lines {
            try journal.append(Self.entry(method, seed: seed, rate: rate, test: test))
        }
        let current = journal.current(order: ["IA3", "AdaLoRA", "LoRA"])
        #expect(current.map(\.method) == ["IA3", "LoRA", "New"])
        #expect(current[1].runs.map(\.result.testAccuracy) == [0.8, 0.9])
    }

    /// Every setting changes the hash; the order in which a journal has them does not matter, as it is not read from there.
    @Test func hashes() {
        func settings(
            _ change: (inout GuideMethod) -> Void = { _ in }, experiment: Experiment = .quick, side: Side = .ours,
            seed: Int = 0, version: String = "1", rate: Double = 1e-3, model: String = "m", data: String = "d"
        ) -> RunSettings {
            var method = GuideMethod(
                name: "A", plugin: "A", options: [.init("r", 1)], tenEpochs: [.init("r", 2)],
                peft: ["config": "C", "options": ["r": 3]])
            change(&method)
            return RunSettings(
                method, experiment, side, seed: seed, version: version, learningRate: rate, model: model, data: data)
        }
        let all = [
            settings(), settings({ $0.name = "B" }), settings({ $0.plugin = "B" }),
            settings({ $0.options = [.init("r", 4)] }), settings({ $0.options.append(.init("s", 1)) }),
            settings(experiment: .tenEpochs), settings(side: .reference), settings(seed: 1), settings(version: "2"),
            settings(rate: 2e-3), settings(model: "n"), settings(data: "e"),
        ]
        #expect(Set(all.map(\.hash)).count == all.count)
        #expect(settings().hash == settings().hash && settings().hash.count == 16)
        // The ten epochs' own options replace the general ones.
        #expect(settings(experiment: .tenEpochs).json["options"] == ["r": 2])
        #expect(settings(side: .reference).json["options"] == ["r": 3])
        // FNV-1a's published values.
        #expect(Fingerprint.of("".utf8) == "cbf29ce484222325" && Fingerprint.of("foobar".utf8) == "85944171f73967e8")
    }
}
