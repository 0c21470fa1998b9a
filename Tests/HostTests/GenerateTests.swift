import Formats
import Foundation
import Testing

extension HostTests {
    /// `generate` and `chat`.
    @Suite struct Generating {
        private let scratch: Scratch
        private let model: String

        init() throws {
            scratch = try Scratch()
            model = try Material.tiny(scratch)
            // Each turn in brackets of its role's first letter.
            let template = """
                {% for m in messages %}{{ m.role[0] }}({{ m.content }}){% endfor %}\
                {% if add_generation_prompt %}a({% endif %}
                """
            let configuration: JSON = ["chat_template": .string(template)]
            try scratch.write(configuration.text(), "tiny/tokenizer_config.json")
        }

        private func generate(_ more: String...) -> [String] { ["generate", "--model", model] + more }

        private func ids(_ text: String) throws -> [JSON] {
            let all = try Program.output(["tokenize", "--model", model], input: text + "\n").json()
            return all[0].array ?? []
        }

        /// The text of the tokens that `logits --greedy` finds behind a prompt, which hold no token that ends a text.
        private func greedy(_ prompt: String, _ count: Int, _ more: String...) throws -> String {
            let ids = try ids(prompt).map { "\($0.int ?? -1)" }.joined(separator: ",")
            let arguments = ["logits", "--model", model, "--ids", ids, "--greedy", "\(count)"] + more
            let line = try Program.output(arguments).json()[0]["continuation"]?.text() ?? ""
            return try Program.output(
                ["tokenize", "--model", model, "--decode", "--no-special", "--json-lines"], input: line + "\n"
            ).json()[0].string ?? ""
        }

        @Test func greedily() throws {
            let text = try greedy("a slow film", 12)
            let arguments = generate("--max-new-tokens", "12", "--prompt", "a slow film")
            let answer = try Program.output(arguments + ["--json"]).json()[0]
            #expect(answer["generated_text"] == .string(text))
            #expect(answer["generated_tokens"] == 12)
            #expect(answer["finish_reason"] == "length")
            #expect(answer["prompt"] == "a slow film")
            #expect(try Program.output(arguments).output == text + "\n")
            #expect(try Program.output(arguments + ["--threads", "1"]).output == text + "\n")
        }

        /// Prompts from the command line, files and standard input get the same answers, in their order.
        @Test func manyPrompts() throws {
            let more = ["--max-new-tokens", "6", "--json"]
            let prompts = ["a dull plot", "the music", "warm"]
            let given = try Program.output(generate() + more + prompts.flatMap { ["--prompt", $0] }).json()
            try scratch.write("prompt\n" + prompts.map { $0 + "\n" }.joined(), "prompts.csv")
            try scratch.write(prompts.map { $0 + "\n" }.joined(), "prompts.txt")
            let table = try Program.output(generate() + more + [scratch / "prompts.csv"]).json()
            let lines = try Program.output(generate() + more + [scratch / "prompts.txt"]).json()
            let input = try Program.output(generate() + more, input: prompts.map { $0 + "\n" }.joined()).json()
            for answers in [given, table, lines, input] {
                #expect(answers.map { $0["prompt"] } == prompts.map { .string($0) })
                #expect(answers.map { $0["generated_text"] } == given.map { $0["generated_text"] })
            }
        }

        @Test func conversations() throws {
            let more = ["--max-new-tokens", "6", "--json"]
            let plain = try Program.output(generate("--prompt", "s(be brief)u(hi)a(") + more).json()[0]
            let chat = try Program.output(
                generate("--chat", "--system", "be brief", "--prompt", "hi") + more
            ).json()[0]
            try scratch.write(
                #"{"messages":[{"role":"system","content":"be brief"},{"role":"user","content":"hi"}]}"# + "\n",
                "messages.jsonl")
            let file = try Program.output(generate(scratch / "messages.jsonl") + more).json()[0]
            for answer in [chat, file] {
                #expect(answer["generated_text"] == plain["generated_text"])
                #expect(answer["prompt_tokens"] == plain["prompt_tokens"])
            }
            // The second turn sees the first, until /new.
            let talk = ["chat", "--model", model, "--max-new-tokens", "6"]
            let turns = try Program.output(talk, input: "hi\n\nmore\n/new\nhi\n/exit\nnever\n").output
            let first = try Program.output(generate("--prompt", "u(hi)a(") + more).json()[0]["generated_text"]?.string
            let second = try Program.output(
                generate("--prompt", "u(hi)a(\(first ?? ""))u(more)a(") + more
            ).json()[0]["generated_text"]?.string
            #expect(turns == "\(first ?? "")\n\(second ?? "")\n\(first ?? "")\n")
        }

        /// Prompts name their adapters, and are answered at once as they are one by one.
        @Test func severalAdapters() throws {
            let folders = ["first": Fixtures.path("combine/first"), "other": Fixtures.path("combine/second")]
            let named = ["--adapter", folders["first"]!, "--adapter", "other=" + folders["other"]!]
            let asked = [("other", "a film"), ("none", "the plot"), ("first", "a film"), ("other", "warm and")]
            try scratch.write(
                asked.map { "{\"adapter\":\"\($0)\",\"prompt\":\"\($1)\"}\n" }.joined(), "prompts.jsonl")
            let more = ["--max-new-tokens", "6", "--json", scratch / "prompts.jsonl"]
            let together = try Program.output(generate() + named + more).json()
            let inTurn = try Program.output(generate() + named + ["--batch-size", "1"] + more).json()
            #expect(together.map { $0["adapter"]?.string } == asked.map(\.0))
            for (index, (name, prompt)) in asked.enumerated() {
                let alone = folders[name].map { ["--adapter", $0] } ?? []
                let expected = try Program.output(
                    generate("--prompt", prompt, "--max-new-tokens", "6", "--json") + alone
                ).json()[0]
                #expect(together[index]["generated_text"] == expected["generated_text"])
                #expect(inTurn[index]["generated_text"] == expected["generated_text"])
            }
            #expect(together[0]["generated_text"] != together[2]["generated_text"])
            // A conversation goes on with another adapter.
            let talk = ["chat", "--model", model, "--max-new-tokens", "6"] + named
            let turns = try Program.run(talk, input: "/adapter none\nhi\n/new\n/adapter other\nhi\n/adapter x\n")
            let bare = try Program.output(["chat", "--model", model, "--max-new-tokens", "6"], input: "hi\n").output
            let other = try Program.output(
                ["chat", "--model", model, "--max-new-tokens", "6", "--adapter", folders["other"]!], input: "hi\n"
            ).output
            #expect(turns.output == bare + other)
            #expect(turns.error.contains("first, other, none"))

            try expectFailure(generate("--prompt", "x") + named, code: 1, "--prompt", "adapter", "first, other, none")
            try scratch.write("{\"adapter\":\"third\",\"prompt\":\"x\"}\n", "wrong.jsonl")
            try expectFailure(generate(scratch / "wrong.jsonl") + named, code: 1, "wrong.jsonl:1", "third")
            try expectFailure(
                generate("--adapter", "a/x", "--adapter", "b/x", "--prompt", "x"), code: 2, "called x")
        }

        @Test func anAdapterWrites() throws {
            let rows = (0..<8).map { "a film \($0)\n" }.joined()
            for split in ["train", "valid", "test"] { try scratch.write("text\n" + rows, "data/\(split).csv") }
            for (plugin, options) in [("LoRA", []), ("PrefixTuning", ["-o", "num_virtual_tokens=3"])] {
                let output = scratch / plugin
                try Program.output(
                    Material.train(
                        model: model, data: scratch / "data", output: output, task: "causal-lm", plugin: plugin,
                        "--epochs", "2", "--learning-rate", "0.1") + options)
                let answer = try Program.output(
                    ["generate", "--adapter", output, "--prompt", "a film", "--max-new-tokens", "6", "--json"]
                ).json()[0]
                let bare = try Program.output(
                    generate("--prompt", "a film", "--max-new-tokens", "6", "--json")
                ).json()[0]
                #expect(answer["generated_text"] != bare["generated_text"])
                #expect(answer["generated_text"] == .string(try greedy("a film", 6, "--adapter", output)))
            }
        }

        @Test func mistakes() throws {
            try expectFailure(["generate", "--prompt", "x"], code: 2, "--model")
            try expectFailure(generate("--prompt", "x", "--top-p", "0"), code: 2, "--top-p")
            try expectFailure(generate("--prompt", "x", "--stop", ""), code: 2, "--stop")
            try expectFailure(generate("--prompt", "x", "--system", "y"), code: 2, "--system")
            try expectFailure(generate("--prompt", ""), code: 1, "--prompt", "no tokens")
            let long = String(repeating: "film ", count: 400)
            try expectFailure(generate("--prompt", long), code: 1, "--prompt", "256", "--slide")
            #expect(try Program.run(generate("--prompt", long, "--slide", "--max-new-tokens", "3")).code == 0)
            try scratch.write("sentence\nx\n", "wrong.csv")
            try expectFailure(generate(scratch / "wrong.csv"), code: 1, "wrong.csv:2", "prompt", "sentence")
            let bare = try Material.tiny(scratch, "bare")
            try expectFailure(["generate", "--model", bare, "--chat", "--prompt", "x"], code: 1, "chat template")
            try expectFailure(["chat", "--model", bare], code: 1, "chat template")
            let data = try Material.data(scratch)
            try Program.output(
                Material.train(model: model, data: data, output: scratch / "classifier", "--epochs", "1"))
            try expectFailure(
                ["generate", "--adapter", scratch / "classifier", "--prompt", "x"], code: 1, "classifier", "seq-cls")
        }
    }
}
