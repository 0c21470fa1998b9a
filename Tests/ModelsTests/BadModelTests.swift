import Formats
import Foundation
import Models
import Testing

/// Models that cannot be run: one clear error each, before anything is computed.
struct BadModelTests {
    /// A copy of a-llama whose config.json has members replaced (nil: taken out).
    private static func folder(_ changes: [String: JSON?], from original: String = "a-llama") throws -> String {
        let folder = FileManager.default.temporaryDirectory.appending(path: "peft-host-\(UUID().uuidString)")
        try FileManager.default.copyItem(atPath: Fixtures.path("tiny/\(original)"), toPath: folder.path)
        let file = folder.appending(path: "config.json")
        var members = try #require(JSON.parse(MappedFile.content(file.path), place: file.path).members)
        members.removeAll { changes.keys.contains($0.key) }
        for (key, value) in changes { if let value { members.append(JSON.Member(key, value)) } }
        try Data(JSON.object(members).text().utf8).write(to: file)
        return folder.path
    }

    private static func message(_ path: String) -> String {
        do {
            _ = try Model(path)
            return "no error"
        } catch { return "\(error)" }
    }

    @Test(
        arguments: [
            (["model_type": "mamba"], "the architecture \"mamba\" is not implemented"),
            (["model_type": nil], "\"model_type\" is missing"),
            (["hidden_act": "gelu"], "hidden_act \"gelu\" is not implemented"),
            (["rope_scaling": ["rope_type": "yarn", "factor": 2]], "rope type \"yarn\" is not implemented"),
            (["rope_scaling": ["rope_type": "linear"]], "\"factor\" is missing"),
            (["hidden_size": "many"], "\"hidden_size\""),
            (["num_attention_heads": 0], "the number of heads is 0"),
            (["num_key_value_heads": 3], "4 query heads cannot share 3 key heads"),
            (["num_hidden_layers": 3], "model.layers.2.self_attn.q_proj.weight"),
            (["intermediate_size": 80], "model.layers.0.mlp.gate_proj.weight"),
            (["attention_bias": true], "model.layers.0.self_attn.q_proj.bias"),
            (["vocab_size": 385], "model.embed_tokens.weight"),
            (["num_hidden_layers": 1_000_000_000_000], "the number of layers is 1000000000000"),
        ] as [([String: JSON?], String)])
    func folders(_ changes: [String: JSON?], _ expected: String) throws {
        let folder = try Self.folder(changes)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let message = Self.message(folder)
        #expect(message.contains(expected), "\(message)")
        #expect(message.contains(folder), "\(message)")
        #expect(!message.contains("\n"))
    }

    @Test func missing() throws {
        #expect(Self.message("/nowhere/model.gguf").contains("there is no such model"))
        let folder = try Self.folder([:])
        defer { try? FileManager.default.removeItem(atPath: folder) }
        try FileManager.default.removeItem(atPath: folder + "/model.safetensors")
        for file in ["model-f32.gguf", "model-mixed.gguf"] {
            try FileManager.default.removeItem(atPath: folder + "/" + file)
        }
        #expect(Self.message(folder).contains("safetensors"))
        try FileManager.default.removeItem(atPath: folder + "/config.json")
        #expect(Self.message(folder).contains("config.json"))
    }

    @Test func ggufOfAnotherArchitecture() throws {
        var bytes = try Data(contentsOf: URL(filePath: Fixtures.path("tiny/a-llama/model-f32.gguf")))
        let key = try #require(bytes.range(of: Data("general.architecture".utf8)))
        let value = try #require(bytes.range(of: Data("llama".utf8), in: key.upperBound..<bytes.count))
        bytes.replaceSubrange(value, with: Data("bloom".utf8))
        let file = FileManager.default.temporaryDirectory.appending(path: "peft-host-\(UUID().uuidString).gguf")
        try bytes.write(to: file)
        defer { try? FileManager.default.removeItem(at: file) }
        #expect(Self.message(file.path).contains("the architecture \"bloom\" is not implemented"))
    }

    @Test func ggufWithoutATensor() throws {
        var bytes = try Data(contentsOf: URL(filePath: Fixtures.path("tiny/a-llama/model-f32.gguf")))
        let name = try #require(bytes.range(of: Data("blk.1.ffn_up.weight".utf8)))
        bytes.replaceSubrange(name, with: Data("blk.1.ffn_xx.weight".utf8))
        let file = FileManager.default.temporaryDirectory.appending(path: "peft-host-\(UUID().uuidString).gguf")
        try bytes.write(to: file)
        defer { try? FileManager.default.removeItem(at: file) }
        #expect(Self.message(file.path).contains("blk.1.ffn_up.weight"))
    }
}
