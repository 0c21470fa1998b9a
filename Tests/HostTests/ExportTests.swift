import Formats
import Foundation
import Testing

extension HostTests {
    /// `export`: adapters that peft wrote, as plain LoRA.
    @Suite struct Exporting {
        private let scratch: Scratch

        init() throws { scratch = try Scratch() }

        /// The logits that peft computed with the adapter at the end of its run; ranks and scales differ from layer to layer.
        @Test(arguments: [
            ("lora-patterns-lm", "a-llama"), ("lora-expression-lm", "a-llama"), ("adalora-odd-lm", "b-tied-gqa"),
            ("adalora-all-cls", "a-llama"), ("adalora-fraction-lm", "d-biases"), ("vera-lm", "b-tied-gqa"),
            ("vera-all-cls", "d-biases"),
        ])
        func portable(name: String, model: String) throws {
            let golden = try Parity.Golden(name)
            let (adapter, base) = (golden.folder + "/final", Fixtures.path("tiny/\(model)"))
            try Program.output([
                "export", "--portable", "--adapter", adapter, "--model", base, "--output", scratch / "plain",
            ])
            let probe = try #require(golden.run["probe"])
            let ids = (probe["input_ids"]?.array ?? []).compactMap(\.int).map(String.init).joined(separator: ",")
            let wanted = (probe["top_logits"]?.array ?? []).compactMap(\.double)
            let found =
                try Program.output([
                    "logits", "--model", base, "--adapter", scratch / "plain", "--ids", ids, "--top", "\(wanted.count)",
                ]).json()[0]["top_logits"]?.array?.compactMap(\.double) ?? []
            try #require(found.count == wanted.count && !wanted.isEmpty)
            for (a, b) in zip(found, wanted) { #expect(abs(a - b) <= 1e-3) }
            // One rank and scale, and names that every reader of LoRA has.
            let config = try AdapterFolder(scratch / "plain").configuration()
            #expect(config["r"] == config["lora_alpha"])
            let tensors = try Safetensors(file: scratch / "plain/adapter_model.safetensors").tensors
            for tensor in tensors where !tensor.name.hasSuffix("score.weight") {
                #expect(tensor.name.hasSuffix(".lora_A.weight") || tensor.name.hasSuffix(".lora_B.weight"))
                #expect(tensor.shape[tensor.name.contains("lora_A") ? 0 : 1] == config["r"]?.int)
            }
        }

        private func floats(_ tensor: StoredTensor?) throws -> [Float] {
            try #require(tensor).withBytes { Array($0.bindMemory(to: Float.self)) }
        }

        /// llama.cpp keeps the rows of queries and keys in another order, MLX keeps factors turned.
        @Test func otherForms() throws {
            let golden = try Parity.Golden("lora-patterns-lm")
            let base = Fixtures.path("tiny/a-llama")
            func export(_ form: String, _ output: String) throws {
                try Program.output([
                    "export", "--\(form)", "--adapter", golden.folder + "/final", "--model", base, "--output",
                    scratch / output,
                ])
            }
            try export("portable", "plain")
            try export("gguf-lora", "plain.gguf")
            try export("mlx", "mlx")
            let plain = try Safetensors(file: scratch / "plain/adapter_model.safetensors").tensors
            let gguf = try GGUF(scratch / "plain.gguf")
            let mlx = try Safetensors(file: scratch / "mlx/adapters.safetensors").tensors
            #expect(try gguf.string("general.type") == "adapter")
            #expect(try gguf.string("adapter.type") == "lora")
            #expect(try gguf.float("adapter.lora.alpha") == 0)
            #expect(gguf.tensors.map(\.name).count == plain.map(\.name).count)
            let modules = Set(
                plain.map { $0.name.split(separator: ".").dropFirst(2).dropLast(2).joined(separator: ".") })
            #expect(modules.contains { $0.hasSuffix("q_proj") })
            let names = [
                "q_proj": "attn_q", "k_proj": "attn_k", "v_proj": "attn_v", "o_proj": "attn_output",
                "gate_proj": "ffn_gate", "up_proj": "ffn_up", "down_proj": "ffn_down",
            ]
            for module in modules {
                let parts = module.split(separator: ".").map(String.init)
                let name = "blk.\(parts[2]).\(names[parts[4]] ?? "").weight"
                let a = try floats(plain["base_model.model.\(module).lora_A.weight"])
                let b = try floats(plain["base_model.model.\(module).lora_B.weight"])
                let rank = try #require(plain["base_model.model.\(module).lora_A.weight"]).shape[0]
                #expect(try floats(gguf.tensors[name + ".lora_a"]) == a)
                let rows = b.count / rank
                // Heads of 16: row 2i + j of a head is row 8j + i of Hugging Face's.
                let order = (0..<rows).map { row in
                    parts[4] == "q_proj" || parts[4] == "k_proj" ? row / 16 * 16 + row % 2 * 8 + row % 16 / 2 : row
                }
                #expect(try floats(gguf.tensors[name + ".lora_b"]) == order.flatMap { b[$0 * rank..<($0 + 1) * rank] })
                let turned = try floats(mlx["\(module).lora_b"])
                #expect(turned == (0..<b.count).map { b[$0 % rows * rank + $0 / rows] })
                #expect(mlx["\(module).lora_a"]?.shape == [a.count / rank, rank])
            }
        }

        @Test func refusals() throws {
            let base = Fixtures.path("tiny/a-llama")
            func export(_ name: String, _ form: String = "--portable", base: String = base) throws -> [String] {
                [
                    "export", form, "--adapter", try Parity.Golden(name).folder + "/final", "--model", base, "--output",
                    scratch / "out",
                ]
            }
            let biases = Fixtures.path("tiny/d-biases")
            try expectFailure(export("lora-biases-lm", base: biases), code: 1, "lora-biases-lm", "biases", "merge")
            try expectFailure(export("vera-key-lm", base: biases), code: 1, "vera_A", "missing")
            try expectFailure(export("lora-patterns-lm", base: Fixtures.path("tiny/b-tied-gqa")), code: 1, "shape")
            try expectFailure(export("ia3-inner-lm"), code: 1, "ia3-inner-lm", "IA3", "merge")
            try expectFailure(export("lora-tables-lm"), code: 1, "lora-tables-lm", "low rank", "merge")
            try expectFailure(export("adalora-all-cls", "--gguf-lora"), code: 1, "llama.cpp", "--portable")
            #expect(!FileManager.default.fileExists(atPath: scratch / "out"))
            try Program.output(export("ia3-inner-lm", "--peft"))
            try expectFailure(export("ia3-inner-lm", "--peft"), code: 1, "--overwrite")
            #expect(try FileManager.default.contentsOfDirectory(atPath: scratch / "out").count == 2)
            try expectFailure(["export", "--adapter", base, "--output", scratch / "x"], code: 2, "--portable")
        }
    }
}
