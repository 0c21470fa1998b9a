import Formats
import Foundation
import Models

/// A Llama small enough to look at every number of it, with random weights.
package struct ToyModel: Sendable {
    package let configuration: LlamaConfiguration
    private let config: JSON

    /// Two layers: hidden 8, two heads on one key head, inner 12, 13 tokens, tied embeddings.
    package static let plain = ToyModel()
    package static let biased = ToyModel(["attention_bias": true, "mlp_bias": true])
    package static let untied = ToyModel(["tie_word_embeddings": false])
    /// A Mistral, each token of which sees four.
    package static let windowed = ToyModel(["model_type": "mistral", "sliding_window": 4])

    /// - Parameter changes: fields of `config.json`, in place of those of ``plain``.
    package init(_ changes: [String: JSON] = [:]) {
        let fields: [String: JSON] = [
            "model_type": "llama", "vocab_size": 13, "hidden_size": 8, "intermediate_size": 12, "num_hidden_layers": 2,
            "num_attention_heads": 2, "num_key_value_heads": 1, "max_position_embeddings": 64, "rms_norm_eps": 1e-5,
            "rope_theta": 100.0, "tie_word_embeddings": true, "attention_bias": false, "mlp_bias": false,
            "hidden_act": "silu",
        ].merging(changes) { $1 }
        config = .object(fields.sorted { $0.key < $1.key }.map { JSON.Member($0.key, $0.value) })
        do {
            configuration = try LlamaConfiguration(config: config, place: "toy model")
        } catch {
            fatalError("a toy model that is none: \(error)")
        }
    }

    /// The ids of a text: its bytes.
    package static let tokenize: @Sendable (String) -> [Int32] = { $0.utf8.map { Int32($0 % 13) } }

    /// The model with weights. It lies in a temporary folder that is gone when this returns.
    package func model() throws -> Model {
        let folder = FileManager.default.temporaryDirectory.appending(path: "peft-host-toy-\(UUID().uuidString)").path
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: false)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        try write(to: folder)
        return try Model(folder)
    }

    /// Writes `config.json` and `model.safetensors`.
    package func write(to folder: String) throws {
        try Data(config.text().utf8).write(to: URL(filePath: folder + "/config.json"))
        var random = RandomNumbers(seed: 3)
        let tensors = configuration.tensors.map { name, shape in
            let center: Float = name.contains("norm") ? 1 : 0
            let values = (0..<shape.reduce(1, *)).map { _ in center + Float.random(in: -0.4...0.4, using: &random) }
            return SafetensorsWriter.Tensor(name, shape: shape, .floats(values))
        }
        try SafetensorsWriter.write(tensors, to: folder + "/model.safetensors")
    }
}
