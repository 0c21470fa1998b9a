import Formats
import Foundation
import Models
import Testing

/// Tensors that nothing of the architecture uses: an error, but for those that transformers leaves alone too.
struct StrayTensorTests {
    /// A copy of a fixture with more tensors in its file, or other ones.
    private static func message(
        _ original: String = "a-llama", adding names: [String] = [], config: [(String, String)] = []
    ) throws -> String {
        let folder = FileManager.default.temporaryDirectory.appending(path: "peft-host-\(UUID().uuidString)").path
        defer { try? FileManager.default.removeItem(atPath: folder) }
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: false)
        let source = Fixtures.path("tiny/\(original)")
        var text = try String(contentsOfFile: source + "/config.json", encoding: .utf8)
        for (old, new) in config {
            #expect(text.contains(old))
            text = text.replacingOccurrences(of: old, with: new)
        }
        try text.write(toFile: folder + "/config.json", atomically: false, encoding: .utf8)
        let stored = try Safetensors(file: source + "/model.safetensors").tensors.map {
            SafetensorsWriter.Tensor($0.name, shape: $0.shape, .raw($0.type, $0.withBytes { Array($0) }))
        }
        let added = names.map { SafetensorsWriter.Tensor($0, shape: [2], .floats([1, 2])) }
        try SafetensorsWriter.write(stored + added, to: folder + "/model.safetensors")
        do {
            _ = try Model(folder)
            return ""
        } catch { return "\(error)" }
    }

    @Test(arguments: [
        "model.layers.0.self_attn.q_norm.weight", "model.layers.1.self_attn.q_proj.bias", "model.layers.2.x.weight",
        "lm_head.bias", "norm.bias",
    ])
    func refused(_ name: String) throws {
        #expect(try Self.message(adding: [name]).contains("the tensor \"\(name)\" has no place"))
    }

    @Test func biasesThatTheConfigurationDenies() throws {
        let message = try Self.message("d-biases", config: [("\"attention_bias\": true", "\"attention_bias\": false")])
        #expect(message.contains("self_attn.") && message.contains(".bias\" has no place"), "\(message)")
    }

    @Test func inert() throws {
        let frequencies = "model.layers.0.self_attn.rotary_emb.inv_freq"
        #expect(try Self.message(adding: [frequencies]) == "")
        // A head beside tied embeddings is ignored, whatever is in it.
        #expect(try Self.message("b-tied-gqa", adding: ["lm_head.weight", frequencies]) == "")
        #expect(try Self.message("n-llama-cls") == "")
    }

    @Test func gguf() throws {
        var bytes = try Data(contentsOf: URL(filePath: Fixtures.path("tiny/d-biases/model-f32.gguf")))
        let name = try #require(bytes.range(of: Data("blk.1.ffn_up.bias".utf8)))
        let gate = try #require(bytes.range(of: Data("blk.0.ffn_gate.bias".utf8)))
        #expect(name.count == 17 && gate.count == 19)
        // Without the gate's bias nothing says that the block has any.
        bytes.replaceSubrange(gate, with: Data("blk.0.ffn_gaxe.bias".utf8))
        let file = FileManager.default.temporaryDirectory.appending(path: "peft-host-\(UUID().uuidString).gguf")
        try bytes.write(to: file)
        defer { try? FileManager.default.removeItem(at: file) }
        let error = #expect(throws: ModelError.self) { try Model(file.path) }
        #expect(error?.message.contains("has no place in a llama model") == true)
    }
}
