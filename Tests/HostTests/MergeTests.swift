import Formats
import Foundation
import Testing

extension HostTests {
    /// `merge`: what it writes computes what base and adapter compute together.
    @Suite struct Merging {
        private let scratch: Scratch

        init() throws { scratch = try Scratch() }

        /// A language model's adapter on a base.
        private func adapter(_ model: String, _ plugin: String, _ more: String...) throws -> String {
            let rows = (0..<8).map { "a film \($0)\n" }.joined()
            for split in ["train", "valid", "test"] { try scratch.write("text\n" + rows, "data/\(split).csv") }
            let output = scratch / plugin
            let options = more.flatMap { ["-o", $0] }
            try Program.output(
                Material.train(
                    model: model, data: scratch / "data", output: output, task: "causal-lm", plugin: plugin, "--epochs",
                    "2", "--learning-rate", "0.01", "--overwrite") + options)
            return output
        }

        /// The largest logits behind some tokens.
        private func logits(_ arguments: [String]) throws -> (ids: [JSON], logits: [Double]) {
            let result = try Program.output(["logits", "--ids", "5,9,2,14,7", "--top", "40"] + arguments).json()[0]
            return (result["top_ids"]?.array ?? [], (result["top_logits"]?.array ?? []).map { $0.double ?? .nan })
        }

        private func expectSame(_ a: [String], _ b: [String], within tolerance: Double) throws {
            let (a, b) = (try logits(a), try logits(b))
            if tolerance <= 1e-4 { #expect(a.ids == b.ids) }
            let largest = a.logits.map(abs).max() ?? 0
            for (x, y) in zip(a.logits, b.logits) { #expect(abs(x - y) <= tolerance * largest) }
        }

        private func content(_ folder: String) throws -> [String: Data] {
            let files = try FileManager.default.contentsOfDirectory(atPath: folder)
            return try Dictionary(
                uniqueKeysWithValues: files.map { ($0, try Data(contentsOf: URL(filePath: "\(folder)/\($0)"))) })
        }

        @Test(arguments: ["LoRA", "IA3", "FullFineTuning"]) func intoAFolder(_ plugin: String) throws {
            let model = try Material.tiny(scratch)
            let before = try content(model)
            let adapter = try adapter(model, plugin)
            let output = scratch / "merged"
            let report = try Program.output(["merge", "--adapter", adapter, "--output", output, "--json"]).json()[0]
            #expect((report["logit_drift"]?.double ?? 1) <= 1e-4)
            #expect(report["agreement"]?.double == 1)
            try expectSame(["--model", output], ["--adapter", adapter], within: 1e-4)
            #expect(try content(model) == before)
            // Of half the size, and so are its errors.
            for (type, tolerance) in [("f16", 5e-3), ("bf16", 0.02)] {
                let small = ["merge", "--adapter", adapter, "--output", output, "--type", type]
                try expectFailure(small, code: 1, output, "--overwrite")
                try Program.output(small + ["--overwrite"])
                try expectSame(["--model", output], ["--adapter", adapter], within: tolerance)
            }
            #expect(try Program.output(["generate", "--model", output, "--prompt", "a film"]).code == 0)
        }

        @Test func aTiedTableIsWrittenTwiceWhereTheHeadsPart() throws {
            let model = try Material.tiny(scratch, fixture: "b-tied-gqa")
            let adapter = try adapter(model, "LoRA", "target_modules=embed_tokens,q_proj")
            try Program.output(["merge", "--adapter", adapter, "--output", scratch / "merged"])
            try expectSame(["--model", scratch / "merged"], ["--adapter", adapter], within: 1e-4)
        }

        @Test func aClassifier() throws {
            let (model, data) = (try Material.tiny(scratch), try Material.data(scratch))
            let adapter = scratch / "classifier"
            try Program.output(Material.train(model: model, data: data, output: adapter, "--epochs", "2"))
            try Program.output(["merge", "--adapter", adapter, "--output", scratch / "merged"])
            let task = ["--model", scratch / "merged", "--task", "seq-cls", "--top", "2"]
            try expectSame(task, ["--adapter", adapter, "--top", "2"], within: 1e-4)
            let config = try JSON.parse(MappedFile.content(scratch / "merged/config.json"), place: "config")
            #expect(config["architectures"] == ["LlamaForSequenceClassification"])
            #expect(config["id2label"] == ["0": "negative", "1": "positive"])
            try expectFailure(
                ["merge", "--adapter", adapter, "--output", scratch / "x.gguf"], code: 1, "x.gguf",
                "classification head")
        }

        /// The demo's model, whose matrices are Q4_1: in other types, and by default with what was changed in Q8_0. What its types
        /// round: float16 0.001 and Q8_0 0.035 of the largest logit.
        @Test func intoGGUF() throws {
            let adapter = try adapter(Material.model(), "LoRA")
            let output = scratch / "merged.gguf"
            var sizes: [String: Int] = [:]
            for (type, tolerance) in [("f32", 1e-4), ("f16", 3e-3), ("q8_0", 0.06), (nil, 0.06)] {
                let report = try Program.output(
                    ["merge", "--adapter", adapter, "--output", output, "--overwrite", "--json"]
                        + (type.map { ["--type", $0] } ?? [])
                ).json()[0]
                #expect((report["logit_drift"]?.double ?? 1) <= tolerance, "\(type ?? "own")")
                let perplexities = ["adapter", "merged"].map { report["perplexity_\($0)"]?.double ?? .nan }
                #expect(abs(perplexities[1] / perplexities[0] - 1) <= tolerance, "\(type ?? "own")")
                try expectSame(["--model", output], ["--adapter", adapter], within: tolerance)
                sizes[type ?? "own"] = report["bytes"]?.int
            }
            // q and v are an eighth of the linear layers.
            let base = try Data(contentsOf: URL(filePath: Material.model()), options: .mappedIfSafe).count
            let own = try #require(sizes["own"])
            #expect(own > base && Double(own) < 1.15 * Double(base))
            #expect(own < sizes["q8_0"] ?? 0)
        }

        /// A folder from a GGUF file, and back: the same model with the same tokens.
        @Test func fromOneFormToTheOther() throws {
            let base = try Material.model()
            let adapter = try adapter(base, "LoRA")
            let (folder, file) = (scratch / "folder", scratch / "back.gguf")
            try Program.output(["merge", "--adapter", adapter, "--output", folder, "--type", "f16"])
            try expectSame(["--model", folder], ["--adapter", adapter], within: 3e-3)
            let again = try self.adapter(folder, "IA3")
            try Program.output(["merge", "--adapter", again, "--output", file])
            try expectSame(["--model", file], ["--adapter", again], within: 3e-3)
            let text = "It's 1,234 o'clock!\n<|im_start|>user"
            let ids = try [base, folder, file].map {
                try Program.output(["tokenize", "--model", $0], input: text).output
            }
            #expect(Set(ids).count == 1)
            let prompt = ["--prompt", "The capital of France is", "--max-new-tokens", "5", "--chat", "--json"]
            let answers = try [folder, file].map { try Program.output(["generate", "--model", $0] + prompt).json()[0] }
            #expect(answers[0]["prompt_tokens"] == answers[1]["prompt_tokens"])
        }

        @Test func refusals() throws {
            let model = try Material.tiny(scratch)
            let prompt = try adapter(model, "PromptTuning", "num_virtual_tokens=3")
            try expectFailure(
                ["merge", "--adapter", prompt, "--output", scratch / "merged"], code: 1, "PromptTuning", "merge")
            #expect(!FileManager.default.fileExists(atPath: scratch / "merged"))
            let lora = try adapter(model, "LoRA")
            try expectFailure(
                ["merge", "--adapter", lora, "--output", model, "--overwrite"], code: 1, model, "the base itself")
            try expectFailure(
                ["merge", "--adapter", lora, "--output", scratch / "merged", "--type", "q8_0"], code: 2, "--type")
            try expectFailure(["merge", "--adapter", lora, "--output", "/proc/merged"], code: 1, "/proc/merged")
        }
    }
}
