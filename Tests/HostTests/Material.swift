import Foundation
import Testing

/// Models and data that the tests train with.
enum Material {
    /// The demo's model and reviews, where scripts/prepare puts them.
    static let cache =
        ProcessInfo.processInfo.environment["PEFT_HOST_CACHE"]
        ?? (ProcessInfo.processInfo.environment["XDG_CACHE_HOME"] ?? NSHomeDirectory() + "/.cache") + "/peft-host"

    static func model() throws -> String { try prepared("SmolLM2-135M-Instruct.Q4_1.gguf") }
    static func reviews() throws -> String { try prepared("reviews") }

    private static func prepared(_ name: String) throws -> String {
        let path = "\(cache)/\(name)"
        try #require(FileManager.default.fileExists(atPath: path), "\(path) is missing: run scripts/prepare")
        return path
    }

    /// A model of two layers with a tokenizer of 384 tokens, into `folder`.
    static func tiny(_ scratch: Scratch, _ name: String = "tiny", fixture: String = "a-llama") throws -> String {
        let files = [
            "tiny/\(fixture)/config.json", "tiny/\(fixture)/model.safetensors", "tokenizers/bpe-gpt2/tokenizer.json",
        ]
        for file in files {
            try scratch.write(
                Data(contentsOf: Fixtures.root.appending(path: file)),
                "\(name)/\(URL(filePath: file).lastPathComponent)")
        }
        return scratch / name
    }

    /// Rows of made-up reviews whose words say their class.
    static func rows(_ count: Int, from first: Int = 0, classes: [String] = ["negative", "positive"]) -> [(
        text: String, label: String
    )] {
        let words = [
            ["dull", "slow", "cold", "bleak"], ["warm", "funny", "bright", "fine"], ["long", "short", "new", "old"],
        ]
        let things = ["film", "story", "cast", "plot", "scene", "music", "ending"]
        return (first..<(first + count)).map { number in
            let kind = number % classes.count
            let text =
                "\(words[kind][number / 2 % 4]) \(things[number * 5 % 7]) and a \(words[kind][number / 3 % 4]) \(things[number % 7])"
            return (text + String(repeating: ", again", count: number % 4), classes[kind])
        }
    }

    /// A folder with train, valid and test as TSV; nil leaves one out.
    static func data(
        _ scratch: Scratch, _ name: String = "data", train: Int = 24, valid: Int? = 8, test: Int? = 8,
        classes: [String] = ["negative", "positive"]
    ) throws -> String {
        for (file, count, first) in [("train", train, 0), ("valid", valid ?? 0, 100), ("test", test ?? 0, 203)]
        where count > 0 {
            let lines = rows(count, from: first, classes: classes).map { "\($0.text)\t\($0.label)\n" }
            try scratch.write("text\tlabel\n" + lines.joined(), "\(name)/\(file).tsv")
        }
        return scratch / name
    }

    /// The options that every training run needs.
    static func train(
        model: String, data: String, output: String, task: String = "seq-cls", plugin: String = "LoRA",
        _ more: String...
    ) -> [String] {
        ["--plugin", plugin, "train", "--model", model, "--data", data, "--task", task, "--output", output] + more
    }
}
