import Formats
import Foundation
import Models
import Testing

/// Numbers of configurations: impossible ones, and what stands for those that are not there.
struct ConfigurationTests {
    private static func read(_ changes: [String: JSON?], type: String = "llama") throws -> LlamaConfiguration {
        var members: [String: JSON] = [
            "model_type": .string(type), "vocab_size": 384, "hidden_size": 64, "intermediate_size": 96,
            "num_hidden_layers": 2, "num_attention_heads": 8,
        ]
        for (key, value) in changes { members[key] = value }
        return try LlamaConfiguration(
            config: .object(members.map { JSON.Member($0.key, $0.value) }), place: "config.json")
    }

    private static func llama3(_ factor: JSON, _ low: JSON, _ high: JSON, _ context: JSON) -> [String: JSON?] {
        [
            "rope_scaling": [
                "rope_type": "llama3", "factor": factor, "low_freq_factor": low, "high_freq_factor": high,
                "original_max_position_embeddings": context,
            ]
        ]
    }

    @Test(
        arguments: [
            (llama3(0, 1, 4, 32), "factor 0.0"), (llama3(4, 4, 4, 32), "low_freq_factor 4.0"),
            (llama3(4, 5, 4, 32), "low_freq_factor 5.0"), (llama3(4, 0, 4, 32), "low_freq_factor 0.0"),
            (llama3(4, 1, 4, 0), "context 0.0"), (llama3(-1, 1, 4, 32), "factor -1.0"),
            (["rope_scaling": ["type": "linear", "factor": 0]], "a rope factor of 0.0"),
            (["rope_theta": 0], "a rope theta of 0.0"), (["rope_theta": -1], "a rope theta of -1.0"),
            (["rms_norm_eps": -0.5], "the norms' epsilon is -0.5"),
            (["num_hidden_layers": 16_000_000], "the number of layers is 16000000; it must be from 1 to 4096"),
            (["head_dim": 65536], "the head size is 65536"),
        ] as [([String: JSON?], String)])
    func impossible(_ changes: [String: JSON?], _ part: String) {
        let error = #expect(throws: ModelError.self) { try Self.read(changes) }
        #expect(error?.message.contains(part) == true, "\(error!)")
    }

    /// transformers' MistralConfig: sliding_window 4096, num_key_value_heads 8, max_position_embeddings 131072.
    @Test func mistralsDefaults() throws {
        let absent = try Self.read(["num_attention_heads": 16], type: "mistral")
        #expect((absent.window, absent.keyHeads, absent.context) == (4096, 8, 131_072))
        let null = try Self.read(
            ["num_attention_heads": 16, "sliding_window": .some(.null), "num_key_value_heads": .some(.null)],
            type: "mistral")
        #expect((null.window, null.keyHeads) == (0, 16))
        let llama = try Self.read(["num_attention_heads": 16])
        #expect((llama.window, llama.keyHeads, llama.context) == (0, 16, 2048))
    }

    /// A GGUF file with some of its bytes replaced by as many others.
    private static func gguf(_ changes: [(old: [UInt8], new: [UInt8])]) throws -> LlamaConfiguration {
        var bytes = try Data(contentsOf: URL(filePath: Fixtures.path("tiny/f-linear-rope/model-f16.gguf")))
        for (old, new) in changes { bytes.replaceSubrange(try #require(bytes.range(of: Data(old))), with: new) }
        let file = FileManager.default.temporaryDirectory.appending(path: "peft-host-\(UUID().uuidString).gguf")
        try bytes.write(to: file)
        defer { try? FileManager.default.removeItem(at: file) }
        return try LlamaConfiguration(GGUF(file.path))
    }

    private static func key(_ name: String) -> [UInt8] { [UInt8(name.utf8.count), 0, 0, 0, 0, 0, 0, 0] + name.utf8 }

    @Test func theOlderNameOfTheFactor() throws {
        let original = try Self.gguf([])
        guard case .linear = original.rope.scaling else { throw ModelError("the fixture has changed", place: "") }
        // The second key is unknown then; it takes up the bytes that the first gives back.
        let older = try Self.gguf([
            (Self.key("llama.rope.scaling.factor"), Self.key("llama.rope.scale_linear")),
            (Self.key("llama.rope.scaling.type"), Self.key("llama.rope.scaling.type.x")),
        ])
        #expect(older == original)
    }

    @Test func ggufNumbers() throws {
        let original = try Self.gguf([])
        let key = Self.key("llama.rope.scaling.factor")
        guard case .linear(let factor) = original.rope.scaling else { return }
        func value(_ number: Float) -> [UInt8] {
            key + [6, 0, 0, 0] + withUnsafeBytes(of: number.bitPattern.littleEndian) { Array($0) }
        }
        for wrong: Float in [0, -2, .nan, .infinity] {
            let error = #expect(throws: ModelError.self) { try Self.gguf([(value(Float(factor)), value(wrong))]) }
            #expect(error?.message.contains("a rope factor of") == true)
        }
    }
}
