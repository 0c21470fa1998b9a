import Formats
import Foundation
import GuideExperiment
import Testing

/// Runs of a stand-in for peft-host.
@Suite(.serialized) struct TrainerTests {
    private let folder: String
    private let trainer: Trainer

    /// - Parameter body: what the stand-in does; `$1` is its command, `$out` the adapter's folder.
    private init(_ body: String) throws {
        folder = FileManager.default.temporaryDirectory.appending(path: "guide-\(UUID().uuidString)").path
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: false)
        let script = """
            #!/bin/sh
            echo "$@" > \(folder)/arguments
            out=$(echo "$@" | sed 's/.*--output \\([^ ]*\\).*/\\1/')
            \(body)
            """
        try script.write(toFile: folder + "/host", atomically: true, encoding: .utf8)
        try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: folder + "/host")
        trainer = Trainer(host: folder + "/host", model: "m.gguf", data: "d", work: folder + "/work", reference: nil)
    }

    init() throws { try self.init("") }

    private static let method = GuideMethod(name: "(IA)³", plugin: "IA3", options: [.init("a", 1), .init("b", "x y")])
    private static let settings = RunSettings(
        method, .quick, .ours, seed: 7, version: "1", learningRate: 5e-3, model: "m.gguf", data: "d")

    private static let good = """
        mkdir -p $out; printf 12345678 > $out/adapter_model.safetensors
        line='{"epoch": 1, "accuracy": 0.5, "tokens_per_second": 10}'
        echo "$line" > $out/metrics.jsonl; echo '{"epoch": 2, "accuracy": 0.75}' | tee -a $out/metrics.jsonl
        echo '{"test": {"accuracy": 0.875}, "trainable": 9, "peak_rss_mb": 3.5}'
        """

    @Test func aRun() throws {
        let test = try Self(Self.good)
        var seen: [Int] = []
        let result = try test.trainer.run(Self.settings, Self.method) { seen.append($0["epoch"]?.int ?? 0) }
        // Of a run that went on only the later epochs are printed; the folder has them all.
        #expect(seen == [2] && result.epochs.map(\.accuracy) == [0.5, 0.75])
        #expect((result.testAccuracy, result.trainable, result.adapterBytes) == (0.875, 9, 8))
        let arguments = try String(contentsOfFile: test.folder + "/arguments", encoding: .utf8)
        for part in [
            "train --plugin IA3 --model m.gguf --data d --task seq-cls", "--seed 7", "--epochs 3", "--batch-size 8",
            "--learning-rate 0.005", "--resume --json", "-o a=1 -o b=x y",
        ] { #expect(arguments.contains(part), "\(part)") }
        #expect(!FileManager.default.fileExists(atPath: "\(test.folder)/work/\(Self.settings.hash)"))
    }

    @Test(arguments: [
        ("echo first >&2; echo the cause >&2; exit 3", "code 3"), ("kill -9 $$", "code 137"), ("exit 0", "code 0"),
        ("echo '{\"test\": null}'; mkdir -p $out; echo '{\"epoch\": 1}' > $out/metrics.jsonl", "no result"),
    ]) func failures(_ body: String, _ word: String) throws {
        let test = try Self(body)
        let error = #expect(throws: (any Error).self) { try test.trainer.run(Self.settings, Self.method) { _ in } }
        #expect("\(error!)".contains(word))
        if word == "code 3" { #expect("\(error!)".contains("the cause")) }
    }

    @Test func plugins() throws {
        let list = """
            echo '[{"path": "a", "manifest": {"id": "A", "version": "2", "default_learning_rate": 0.5}},'
            echo ' {"path": "b", "manifest": null, "problem": "broken"}]'
            """
        #expect(try Self(list).trainer.plugins() == ["A": Trainer.Plugin(version: "2", learningRate: 0.5)])
        #expect(throws: GuideError.self) { try Self("exit 1").trainer.plugins() }
    }
}
