import Foundation
import Testing

extension HostTests {
    /// Rows that cannot be used: code 1, with file and line.
    @Suite struct DataErrors {
        private let scratch: Scratch
        private let model: String

        init() throws {
            scratch = try Scratch()
            model = try Material.tiny(scratch)
        }

        private func expectError(
            _ content: some Sequence<UInt8>, _ file: String, task: String = "seq-cls", _ words: String...
        ) throws {
            try? FileManager.default.removeItem(atPath: scratch / "data")
            try scratch.write(content, "data/\(file)")
            let result = try Program.run(
                Material.train(model: model, data: scratch / "data", output: scratch / "out", task: task))
            try expectFailure(result, code: 1, words)
        }

        @Test func separatedRows() throws {
            for (rows, words) in [
                ("text\tlabel\na\tx\nb\n", ["train.tsv:3", "1 fields"]),
                ("text\tlabel\na\tx\n\nb\ty\n", ["train.tsv:3", "blank"]),
                ("text\tlabel\na\tx\n\ty\n", ["train.tsv:3", "\"text\" is empty"]),
                ("text\tlabel\na\tx\nb\t\n", ["train.tsv:3", "label"]),
                ("text\tlabel\na\tx\nb\tx\n", ["train.tsv:2", "\"x\"", "two classes"]), ("text\tlabel\n", ["no rows"]),
                ("", ["train.tsv", "empty"]), ("txt\tlabel\na\tx\nb\ty\n", ["train.tsv:2", "no \"text\""]),
                ("text\tclass\na\tx\nb\ty\n", ["train.tsv:2", "no \"label\""]),
                ("text\ttext\na\tx\n", ["train.tsv:1", "'text'"]),
            ] {
                try? FileManager.default.removeItem(atPath: scratch / "data")
                try scratch.write(rows, "data/train.tsv")
                let result = try Program.run(
                    Material.train(model: model, data: scratch / "data", output: scratch / "out"))
                try expectFailure(result, code: 1, words)
            }
            try expectError(
                Array("text\tlabel\na\tx\nb".utf8) + [0xFF] + Array("\ty\n".utf8), "train.tsv", "train.tsv:3", "UTF-8")
        }

        @Test func otherForms() throws {
            try expectError("text,label\n\"a,x\n".utf8, "train.csv", "train.csv:2", "quote")
            try expectError("text,label\na,x\n\"b\"c,y\n".utf8, "train.csv", "train.csv:3", "quote")
            try expectError(
                "{\"text\": \"a\", \"label\": \"x\"}\n{\"text\": \"b\", \"label\"\n".utf8, "train.jsonl",
                "train.jsonl:2")
            try expectError("{\"text\": \"a\", \"label\": \"x\"}\n[1]\n".utf8, "train.jsonl", "train.jsonl:2", "object")
            try expectError(
                "{\"text\": 1, \"label\": \"x\"}\n{\"text\": \"b\", \"label\": \"y\"}\n".utf8, "train.jsonl",
                "train.jsonl:1")
            try expectError("a\n".utf8, "train.txt", "train.tsv")
        }

        @Test func languageModelling() throws {
            for (row, word) in [
                ("{\"prompt\": \"a\", \"completion\": \"\"}", "completion"), ("{\"prompt\": \"a\"}", "completion"),
                ("{\"messages\": []}", "messages"), ("{\"messages\": [{\"role\": \"user\"}]}", "content"),
                ("{\"text\": \"\"}", "text"),
                ("{\"text\": \"a\"}", "predict"),
                (
                    "{\"messages\": [{\"role\": \"user\", \"content\": \"a\"}, {\"role\": \"assistant\", \"content\": \"b\"}]}",
                    "chat template"
                ),
            ] { try expectError((row + "\n").utf8, "train.jsonl", task: "causal-lm", "train.jsonl:1", word) }
        }

        @Test func labelsAndSplits() throws {
            let data = try Material.data(scratch)
            func train(_ data: String, _ more: String...) -> [String] {
                Material.train(model: model, data: data, output: scratch / "out") + more
            }
            try scratch.write("text\tlabel\na\tpositive\nb\tgreat\n", "data/valid.tsv")
            try expectFailure(train(data), code: 1, "valid.tsv:3", "great", "negative, positive")
            try expectFailure(train(data, "--split", "0.1"), code: 1, "--split")
            try expectFailure(train(data + "/train.tsv", "--split", "0.999"), code: 1, "--split", "24 rows")
            try expectFailure(train(scratch / "none"), code: 1, "none")
            try expectFailure(train(model), code: 1, "train.tsv")
        }

        @Test func longRows() throws {
            let long = (0..<300).map { "word\($0)" }.joined(separator: " ")
            try scratch.write("text\tlabel\nshort\tx\n\(long)\ty\n", "data/train.tsv")
            let arguments = Material.train(
                model: model, data: scratch / "data", output: scratch / "out", "--epochs", "1")
            try expectFailure(arguments + ["--no-truncate"], code: 1, "train.tsv:3", "more than 256")
            let cut = try Program.output(arguments)
            #expect(cut.error.contains("1 rows were cut to 256 tokens"))
            try expectFailure(
                arguments + ["--overwrite", "--no-truncate", "--max-length", "2"], code: 1, "train.tsv:", "more than 2")
        }
    }
}
