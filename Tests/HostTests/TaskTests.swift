import Formats
import Foundation
import Testing

extension HostTests {
    /// Every task and form of data once, small.
    @Suite struct Tasks {
        private let scratch: Scratch
        private let model: String

        init() throws {
            scratch = try Scratch()
            model = try Material.tiny(scratch)
        }

        private func object(_ members: [JSON.Member]) -> String { JSON.object(members).text() + "\n" }

        /// Trains 2 epochs on what `data` holds and returns the JSON lines.
        private func train(_ data: String, task: String = "seq-cls", _ more: String..., output: String = "out") throws
            -> [JSON]
        {
            try Program.output(
                Material.train(
                    model: model, data: scratch / data, output: scratch / output, task: task, "--json", "--epochs", "2")
                    + more
            ).json()
        }

        @Test func languageModelling() throws {
            let rows = Material.rows(12)
            try scratch.write(rows.map { object([.init("text", .string($0.text))]) }.joined(), "text/train.jsonl")
            try scratch.write(
                rows.prefix(4).map { object([.init("text", .string($0.text))]) }.joined(), "text/valid.jsonl")
            let pairs = rows.map {
                object([.init("prompt", .string($0.text)), .init("completion", .string(" " + $0.label))])
            }
            for name in ["train", "valid", "test"] { try scratch.write(pairs.joined(), "pairs/\(name).jsonl") }
            for (data, hasTest) in [("text", false), ("pairs", true)] {
                let lines = try train(data, task: "causal-lm", output: data + "-out")
                try #require(lines.count == 3)
                for line in lines.dropLast() {
                    let (loss, perplexity) = (line["valid_loss"]?.double ?? .nan, line["perplexity"]?.double ?? .nan)
                    #expect(abs(perplexity - exp(loss)) <= 1e-9 * perplexity, "\(data)")
                }
                #expect((lines[2]["test"]?["perplexity"]?.double != nil) == hasTest)
                let configuration = try AdapterFolder(scratch / "\(data)-out").configuration()
                #expect(configuration["task_type"] == "CAUSAL_LM")
                #expect(configuration["modules_to_save"] == .null)
                let generated = try Program.output(
                    ["logits", "--adapter", scratch / "\(data)-out", "--ids", "5,6,7", "--greedy", "4"]
                ).json()
                #expect(generated.first?["continuation"]?.array?.count == 4)
            }
        }

        /// Through the chat template that the demo's model carries; the loss is that of the assistant's turns alone.
        @Test func messages() throws {
            func turn(_ role: String, _ content: String) -> JSON {
                ["role": .string(role), "content": .string(content)]
            }
            let talk: JSON = [
                "messages": [
                    turn("user", "Name a colour."), turn("assistant", "Blue."), turn("user", "One more."),
                    turn("assistant", "Red."),
                ]
            ]
            try scratch.write(talk.text() + "\n" + talk.text() + "\n", "chat/train.jsonl")
            let result = try Program.output(
                Material.train(
                    model: Material.model(), data: scratch / "chat", output: scratch / "chat-out", task: "causal-lm",
                    "--json",
                    "--epochs", "2", "--learning-rate", "1e-2", "-o", "r=1", "--batch-size", "2"))
            let losses = try result.json().compactMap { $0["train_loss"]?.double }
            try #require(losses.count == 2)
            #expect(losses[1] < losses[0])
        }

        @Test func threeClasses() throws {
            let classes = ["bad", "good", "so-so"]
            _ = try Material.data(scratch, "three", train: 30, valid: 12, test: 12, classes: classes)
            let lines = try train("three")
            for line in lines.prefix(2) {
                for key in ["roc_auc", "accuracy", "macro_f1"] { #expect(line[key]?.double != nil, "\(key)") }
            }
            let predicted = try Program.output(
                ["predict", "--adapter", scratch / "out", "--json"], input: "warm film\nlong cast\n"
            ).json()
            try #require(predicted.count == 2)
            for line in predicted {
                let all = line["probabilities"]?.members ?? []
                #expect(all.map(\.key) == classes)
                #expect(abs(all.reduce(0) { $0 + ($1.value.double ?? .nan) } - 1) < 1e-9)
                let best = all.max { ($0.value.double ?? 0) < ($1.value.double ?? 0) }?.key
                #expect(line["label"]?.string == best)
            }
        }

        @Test func classWeights() throws {
            let rows = Material.rows(24).filter { $0.label == "negative" } + Material.rows(4)
            let lines = rows.map { "\($0.text)\t\($0.label)\n" }
            try scratch.write("text\tlabel\n" + lines.joined(), "unequal/train.tsv")
            let plain = try train("unequal", output: "plain")
            let balanced = try train("unequal", "--class-weights", "balanced", output: "balanced")
            #expect(plain.first?["train_loss"] != balanced.first?["train_loss"])
            // Of classes of equal size, both are the same run.
            _ = try Material.data(scratch, "equal", train: 24)
            let a = try train("equal", output: "a")
            let b = try train("equal", "--class-weights", "balanced", output: "b")
            #expect(a.map { $0["train_loss"] } == b.map { $0["train_loss"] })
        }

        @Test func split() throws {
            let file = try Material.data(scratch, "one", train: 40, valid: nil, test: nil) + "/train.tsv"
            var totals: [String] = []
            for output in ["a", "b"] {
                let lines = try train("one", "--split", "0.2,0.1", output: output)
                #expect(lines.first?["valid_loss"]?.double != nil)
                #expect(lines.last?["test"]?["accuracy"]?.double != nil)
                totals.append(lines.last?["test"]?.text() ?? "")
            }
            #expect(totals[0] == totals[1])
            let lines = try Program.output(
                Material.train(
                    model: model, data: file, output: scratch / "file", "--json", "--epochs", "2", "--split", "0.2,0.1")
            ).json()
            #expect(lines.last?["test"]?.text() == totals[0])
        }

        /// The same rows as TSV, as CSV with every field in quotes, and as JSON Lines: the same adapter.
        @Test func formsOfData() throws {
            let rows = Material.rows(16)
            try scratch.write("text\tlabel\n" + rows.map { "\($0.text)\t\($0.label)\n" }.joined(), "tsv/train.tsv")
            try scratch.write(
                "label,text\r\n" + rows.map { "\"\($0.label)\",\"\($0.text)\"\r\n" }.joined(), "csv/train.csv")
            try scratch.write(
                rows.map { object([.init("text", .string($0.text)), .init("label", .string($0.label))]) }.joined(),
                "jsonl/train.jsonl")
            for kind in ["tsv", "csv", "jsonl"] { _ = try train(kind, output: "out-\(kind)") }
            try expectSame(scratch / "out-tsv", scratch / "out-csv")
            try expectSame(scratch / "out-tsv", scratch / "out-jsonl")
        }

        @Test func quotedFields() throws {
            try scratch.write("text,label\n\"one, \"\"two\"\"\nthree\",x\nfour,\"y\"\n", "quoted/train.csv")
            let lines = try train("quoted")
            #expect(lines.count == 3)
            let predicted = try Program.output(
                ["predict", "--adapter", scratch / "out", "--json", scratch / "quoted/train.csv"]
            ).json()
            #expect(predicted.map { $0["text"]?.string } == ["one, \"two\"\nthree", "four"])
        }

        @Test func predictions() throws {
            _ = try Material.data(scratch)
            _ = try train("data")
            try scratch.write("warm film\ndull cast\n", "plain.txt")
            let adapter = ["predict", "--adapter", scratch / "out"]
            let input = try Program.output(adapter, input: "warm film\ndull cast\n")
            let fields = input.lines.map { $0.split(separator: "\t").map(String.init) }
            #expect(fields.map(\.count) == [3, 3])
            #expect(fields.map { $0[2] } == ["warm film", "dull cast"])
            for line in fields {
                #expect(["negative", "positive"].contains(line[0]))
                #expect(line[1].contains(/^negative [01]\.\d{3}  positive [01]\.\d{3}$/))
            }
            #expect(try Program.output(adapter + [scratch / "plain.txt"]).output == input.output)
            // The path that the adapter remembers, or the one that is given.
            #expect(try Program.output(adapter + ["--model", model, scratch / "plain.txt"]).output == input.output)
            let moved = try Material.tiny(scratch, "moved")
            #expect(try Program.output(adapter + ["--model", moved, scratch / "plain.txt"]).output == input.output)
        }
    }
}
