import Formats
import Foundation
import Testing

extension HostTests {
    /// Adapters that put tokens in front of every row, through every command that runs them.
    @Suite struct VirtualTokens {
        private let scratch: Scratch
        private let model: String

        init() throws {
            scratch = try Scratch()
            model = try Material.tiny(scratch)
        }

        private func train(
            _ plugin: String, _ options: [String], data: String, task: String = "seq-cls", _ more: String...
        ) throws -> [JSON] {
            try Program.output(
                Material.train(
                    model: model, data: data, output: scratch / "out", task: task, plugin: plugin, "--json", "--epochs",
                    "2") + options.flatMap { ["-o", $0] } + more
            ).json()
        }

        private func language() throws -> String {
            let lines = Material.rows(12).map { JSON.object([.init("text", .string($0.text))]).text() + "\n" }
            try scratch.write(lines.joined(), "text/train.jsonl")
            try scratch.write(lines.prefix(4).joined(), "text/valid.jsonl")
            return scratch / "text"
        }

        private func logits(_ source: [String], _ ids: [Int], _ more: String...) throws -> JSON {
            let list = ids.map(String.init).joined(separator: ",")
            return try #require(try Program.output(["logits"] + source + ["--ids", list] + more).json().first)
        }

        /// Its operators are counted before a thousand of them are made.
        @Test func aLongSequenceForAnLSTMIsNamed() throws {
            let result = try Program.run([
                "plan", "--model", model, "--plugin", "PTuning", "-o", "num_virtual_tokens=4000", "-o",
                "encoder_reparameterization_type=LSTM",
            ])
            #expect(result.code == 1)
            #expect(
                result.error.contains("num_virtual_tokens is 4000; an LSTM of encoder_num_layers=2"), "\(result.error)")
        }

        private static let methods = [
            ("PromptTuning", ["num_virtual_tokens=5", "prompt_tuning_init=SAMPLE_VOCAB"]),
            ("PTuning", ["num_virtual_tokens=3", "encoder_hidden_size=8"]),
        ]

        @Test(arguments: methods) func classification(plugin: String, options: [String]) throws {
            let data = try Material.data(scratch)
            let lines = try train(plugin, options, data: data)
            let adapter = ["--adapter", scratch / "out"]
            let test = try #require(lines.last?["test"]?["loss"]?.double)
            let measured = try Program.output(["evaluate"] + adapter + ["--data", data + "/test.tsv", "--json"]).json()
            #expect(abs((measured.first?["loss"]?.double ?? .nan) - test) <= 1e-5)
            // A text alone and among others.
            let texts = Material.rows(4).map(\.text)
            let together = try Program.output(
                ["predict", "--json"] + adapter, input: texts.joined(separator: "\n") + "\n"
            ).json()
            let alone = try Program.output(["predict", "--json"] + adapter, input: texts[3] + "\n").json()
            try #require(together.count == 4 && alone.count == 1)
            for (a, b) in zip(
                together[3]["probabilities"]?.members ?? [], alone[0]["probabilities"]?.members ?? [])
            {
                #expect(abs((a.value.double ?? .nan) - (b.value.double ?? .nan)) <= 1e-5)
            }
        }

        @Test(arguments: methods) func language(plugin: String, options: [String]) throws {
            let lines = try train(plugin, options, data: try language(), task: "causal-lm")
            #expect(lines.first?["perplexity"]?.double != nil)
            let adapter = ["--adapter", scratch / "out"]
            let answer = try logits(adapter, [5, 6, 7], "--greedy", "3")
            let continuation = answer["continuation"]?.array?.compactMap(\.int) ?? []
            try #require(continuation.count == 3)
            #expect(continuation[0] == answer["top_ids"]?.array?.first?.int)
            let next = try logits(adapter, [5, 6, 7, continuation[0]], "--top", "1")
            #expect(continuation[1] == next["top_ids"]?.array?.first?.int)
        }

        /// Untrained, the prompt is its text, read by the base's own tokenizer.
        @Test func text() throws {
            let text = "warm film, bright ending"
            let ids = try #require(
                try Program.output(["tokenize", "--model", model, "--json-lines"], input: "\"\(text)\"\n").json().first)
            let prompt = ids.array?.compactMap(\.int) ?? []
            let options = [
                "num_virtual_tokens=\(prompt.count)", "prompt_tuning_init=TEXT", "prompt_tuning_init_text=\(text)",
            ]
            _ = try train(
                "PromptTuning", options, data: try language(), task: "causal-lm", "--learning-rate", "0")
            let adapted = try logits(["--adapter", scratch / "out"], [5, 6, 7], "--greedy", "3")
            let base = try logits(["--model", model], prompt + [5, 6, 7], "--greedy", "3")
            #expect(adapted["continuation"] == base["continuation"])
            for (a, b) in zip(adapted["top_logits"]?.array ?? [], base["top_logits"]?.array ?? []) {
                #expect(abs((a.double ?? .nan) - (b.double ?? .nan)) <= 1e-4)
            }
            // peft demands the name of a tokenizer with TEXT.
            let config = try AdapterFolder(scratch / "out").configuration()
            #expect(config["tokenizer_name_or_path"]?.string?.isEmpty == false)
            #expect(config["prompt_tuning_init_text"]?.string == text)
        }

        /// The model has a context of 256.
        @Test func tooLongForTheContext() throws {
            let data = try Material.data(scratch)
            func arguments(_ tokens: Int) -> [String] {
                Material.train(
                    model: model, data: data, output: scratch / "out", plugin: "PromptTuning", "--epochs", "1", "-o",
                    "num_virtual_tokens=\(tokens)")
            }
            try expectFailure(arguments(250), code: 1, "250 virtual tokens", "context of 256")
            try expectFailure(arguments(300), code: 1, "300 virtual tokens", "context of 256")
            try Program.output(arguments(200))
            let adapter = ["logits", "--adapter", scratch / "out", "--ids"]
            let ids = (0..<56).map { _ in "5" }.joined(separator: ",")
            try Program.output(adapter + [ids])
            try expectFailure(adapter + [ids + ",5"], code: 1, "257 tokens", "context of 256")
        }
    }
}
