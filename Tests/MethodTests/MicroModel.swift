import Formats
import Foundation
import Models

/// A Llama of two layers: hidden 8, two heads on one key head, inner 12, 13 tokens, tied embeddings.
enum MicroModel: String, Sendable {
    case plain, biased, untied
    /// A Mistral, each token of which sees four.
    case windowed

    private static let folders = [
        plain: Result { try plain.write() }, biased: Result { try biased.write() },
        untied: Result { try untied.write() }, windowed: Result { try windowed.write() },
    ]

    func model() throws -> Model { try Model(Self.folders[self]!.get()) }

    /// The ids of a text: its letters, a to m.
    static func tokenize(_ text: String) -> [Int32] { text.utf8.map { Int32($0 - 97) % 13 } }

    /// Writes it into a temporary folder.
    private func write() throws -> String {
        let folder = FileManager.default.temporaryDirectory.appending(path: "peft-host-micro-\(UUID().uuidString)").path
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: false)
        let hasBias = self == .biased
        let config: JSON = [
            "model_type": .string(self == .windowed ? "mistral" : "llama"), "sliding_window": 4, "vocab_size": 13,
            "hidden_size": 8, "intermediate_size": 12, "num_hidden_layers": 2,
            "num_attention_heads": 2, "num_key_value_heads": 1, "max_position_embeddings": 32, "rms_norm_eps": 1e-5,
            "rope_theta": 100.0, "tie_word_embeddings": .bool(self != .untied), "attention_bias": .bool(hasBias),
            "mlp_bias": .bool(hasBias), "hidden_act": "silu",
        ]
        try Data(config.text().utf8).write(to: URL(filePath: folder + "/config.json"))
        let configuration = try LlamaConfiguration(config: config, place: folder)
        var numbers = Numbers(seed: 3)
        let tensors = configuration.tensors.map { name, shape in
            let isNorm = name.contains("norm")
            let values = (0..<shape.reduce(1, *)).map { _ in Float((isNorm ? 1 : 0) + 0.4 * numbers.next()) }
            return SafetensorsWriter.Tensor(name, shape: shape, .floats(values))
        }
        try SafetensorsWriter.write(tensors, to: folder + "/model.safetensors")
        return folder
    }
}
