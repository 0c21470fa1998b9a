import Adapters
import Formats
import Foundation
import Models
import PluginCheck
import PluginHost
import Testing

/// peft keeps the frozen table beside an adapted embedding.
struct TableCopyTests {
    private static let name = "base_model.model.model.embed_tokens.base_layer.weight"

    private func open(_ folder: String) throws -> OpenedAdapter {
        try OpenedAdapter(
            folder, modelPath: nil, search: PluginSearch(pluginPaths: [], environment: [:], executable: ""),
            quantize: { _, _ in }, warn: { _ in })
    }

    @Test func copies() throws {
        let item = MethodCase("LoRA", ["r": "2", "target_modules": "embed_tokens"], base: .untied)
        let bench = try item.bench()
        let (model, traced) = (try bench.moved(), bench.traced)
        let folder = FileManager.default.temporaryDirectory.appending(path: "peft-host-\(UUID().uuidString)").path
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let writer = AdapterWriter(model, traced, sidecar: try Sidecar(model, traced, labels: [], options: .null))
        let file = folder + "/adapter_model.safetensors"
        try writer.write(to: folder)
        #expect(try Safetensors(file: file).tensors[Self.name] == nil)
        try writer.write(to: folder, copiesTables: true)
        let table = try model.model.tensor("model.embed_tokens.weight", shape: [13, 8]).values()
        let written = try Safetensors(file: file).tensors
        #expect(try #require(written[Self.name]).shape == [13, 8])
        _ = try open(folder)
        // One number of another base.
        for (factor, isSame): (Float, Bool) in [(1 + 0x1p-9, true), (1.01, false)] {
            var values = table
            values[29] *= factor
            let others = try written.filter { $0.name != Self.name }.map { tensor in
                SafetensorsWriter.Tensor(
                    tensor.name, shape: tensor.shape,
                    .floats(
                        try #require(
                            model.tensors.entries.indices.first { model.tensors.entries[$0].name == tensor.name }.map {
                                model.tensors[$0]
                            })))
            }
            try SafetensorsWriter.write(
                others + [.init(Self.name, shape: [13, 8], .floats(values))], to: file + ".new")
            _ = try FileManager.default.removeItem(atPath: file)
            try FileManager.default.moveItem(atPath: file + ".new", toPath: file)
            if isSame {
                _ = try open(folder)
            } else {
                let error = #expect(throws: AdapterError.self) { try open(folder) }
                #expect(error?.message.contains("is not the base's model.embed_tokens.weight") == true)
            }
        }
    }
}
