import Formats
import Foundation
import Testing

extension HostTests {
    /// What PEFT reads with a warning or without a word, and what it computes then is not what was trained: each is an error
    /// here that names the thing.
    @Suite struct ForeignFolders {
        private let scratch: Scratch
        private let base = Fixtures.path("tiny/a-llama")
        private let good = Fixtures.path("combine/first")
        /// Of one layer.
        private let module = "base_model.model.model.layers.0.self_attn."

        init() throws { scratch = try Scratch() }

        /// A copy of the good folder, changed.
        private func folder(
            _ name: String, config: (inout [JSON.Member]) -> Void = { _ in },
            tensors: (inout [SafetensorsWriter.Tensor]) -> Void = { _ in }
        ) throws -> String {
            let from = AdapterFolder(good)
            var members = try from.configuration().members ?? []
            config(&members)
            try scratch.write(JSON.object(members).text(), "\(name)/adapter_config.json")
            var list = try Safetensors(file: good + "/adapter_model.safetensors").tensors.map { tensor in
                SafetensorsWriter.Tensor(
                    tensor.name, shape: tensor.shape,
                    .floats(tensor.withBytes { Array($0.bindMemory(to: Float.self)) }))
            }
            tensors(&list)
            try SafetensorsWriter.write(list, to: scratch / "\(name)/adapter_model.safetensors")
            return scratch / name
        }

        private func logits(_ folder: String, _ base: String? = nil) -> [String] {
            ["logits", "--model", base ?? self.base, "--adapter", folder, "--ids", "1,2"]
        }

        private func expect(
            _ folder: String, says words: String..., base: String? = nil, _ place: SourceLocation = #_sourceLocation
        ) throws {
            let result = try Program.run(logits(folder, base))
            #expect(result.code == 1 && result.errorLines.count == 1, sourceLocation: place)
            for word in words { #expect(result.error.contains(word), "\(result.error)", sourceLocation: place) }
        }

        @Test func configurations() throws {
            #expect(try Program.run(logits(folder("same"))).code == 0)
            func set(_ key: String, _ value: JSON?) throws -> String {
                try folder(
                    key,
                    config: { members in
                        members.removeAll { $0.key == key }
                        if let value { members.append(.init(key, value)) }
                    })
            }
            try expect(set("peft_type", nil), says: "adapter_config.json", "peft_type")
            try expect(set("peft_type", "lora"), says: "lora", "LoRA")
            try expect(set("lora_alpha", nil), says: "lora_alpha", "trained with")
            try expect(set("target_modules", nil), says: "target_modules", "trained with")
            try expect(set("target_modules", ["q_proj", "v_proj", "nope"]), says: "target_modules", "nope")
            try expect(set("target_modules", ["q_proj"]), says: "does not ask for", "v_proj", "target_modules")
            try expect(set("target_modules", ["q_proj", "v_proj", "k_proj"]), says: "missing", "k_proj")
            try expect(set("r", 8), says: "q_proj.lora_A", "[4, 64]", "[8, 64]")
            try expect(set("frobnicate", 1), says: "frobnicate")
            try expect(set("task_type", "SEQ_CLS"), says: "score.weight")
        }

        @Test func tensors() throws {
            let name = module + "q_proj.lora_A.weight"
            try expect(
                folder(
                    "bare", tensors: { $0 = $0.map { $0.renamed($0.name.replacing("base_model.model.", with: "")) } }),
                says: "base_model.model.")
            try expect(folder("missing", tensors: { $0.removeAll { $0.name == name } }), says: "missing", name)
            try expect(
                folder("extra", tensors: { $0.append($0[0].renamed(module + "k_proj.lora_A.weight")) }),
                says: "does not ask for", "k_proj")
            try expect(
                folder("turned", tensors: { $0 = $0.map { $0.name == name ? $0.turned() : $0 } }), says: name, "[64, 4]"
            )
        }

        @Test func bases() throws {
            try expect(good, says: "missing", "layers.2", base: Fixtures.path("tiny/b-tied-gqa"))
            // One of ours knows its base, and its configuration.
            try Program.output(["import", good, "--model", base, "--output", scratch / "own"])
            let other = try Material.tiny(scratch, "other")
            var weights = try Data(contentsOf: URL(filePath: other + "/model.safetensors"))
            weights[weights.count - 2] ^= 1
            try weights.write(to: URL(filePath: other + "/model.safetensors"))
            try expect(scratch / "own", says: "fingerprint", base: other)
            let config = scratch / "own/adapter_config.json"
            let text = try String(contentsOfFile: config, encoding: .utf8)
            try Data(text.replacing("\"lora_alpha\": 8", with: "\"lora_alpha\": 16").utf8).write(
                to: URL(filePath: config))
            try expect(scratch / "own", says: "adapter_config.json", "not what was written")
            // Where the base is may change.
            let moved = text.replacing(/"base_model_name_or_path": "[^"]*"/, with: "\"base_model_name_or_path\": \"x\"")
            try Data(moved.utf8).write(to: URL(filePath: config))
            #expect(try Program.run(logits(scratch / "own")).code == 0)
        }
    }
}

extension SafetensorsWriter.Tensor {
    fileprivate func renamed(_ name: String) -> Self { .init(name, shape: shape, values) }
    /// The same numbers under the other shape.
    fileprivate func turned() -> Self { .init(name, shape: shape.reversed(), values) }
}
