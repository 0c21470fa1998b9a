import Formats
import Foundation
import Models
import Programs

/// Writes adapters as Hugging Face PEFT 0.21 does: `adapter_config.json`, `adapter_model.safetensors`; beside them our
/// sidecar and the method's program.
package struct AdapterWriter {
    private let model: AdaptedModel
    private let configuration: JSON
    private let sidecar: Sidecar

    /// - Parameters:
    ///   - fields: the hyperparameters under their config names, targets included.
    package init(_ model: AdaptedModel, fields: [JSON.Member], sidecar: Sidecar) {
        self.model = model
        self.sidecar = sidecar
        configuration = AdapterWriter.configuration(model, fields, sidecar)
    }

    /// Puts every file in place by rename: a reader sees the old or the new one, never half of one.
    package func write(to folder: String) throws {
        try Folder.make(folder)
        try SafetensorsWriter.write(AdapterWriter.tensors(model), to: folder + "/adapter_model.safetensors")
        if let method = model.method { try AtomicFile.write(method.encode(), to: "\(folder)/\(Sidecar.programName)") }
        try AtomicFile.write(sidecar.json.text(indent: 2) + "\n", to: "\(folder)/\(Sidecar.fileName)")
        try AtomicFile.write(configuration.text(indent: 2), to: folder + "/adapter_config.json")
    }

    /// The tensors under their stored names.
    package static func tensors(_ model: AdaptedModel) -> [SafetensorsWriter.Tensor] {
        model.tensors.entries.enumerated()
            .filter { !$1.declaration.isBuffer && !$1.declaration.isSidecar }
            .map { SafetensorsWriter.Tensor($1.name, shape: $1.shape, .floats(model.tensors[$0])) }
    }

    /// Bytes of the file that ``tensors(_:)`` are written into: those of the method as it is traced, before anything of them
    /// is left out that only a run shows.
    package static func fileSize(_ model: AdaptedProgram) -> Int {
        var stored = model.declarations.filter { !$0.declaration.isBuffer && !$0.declaration.isSidecar }.map {
            (name: $0.name, shape: $0.declaration.type.shape.map(\.code))
        }
        if let method = model.method, let map = method.exportMap, !map.tensors.isEmpty {
            let graph = method.graphs[map.graph]
            stored = stored.filter { $0.name == AdaptedProgram.headName }
            stored += map.tensors.filter { !$0.isSidecar }.map {
                ($0.name, graph.type(graph.outputs[$0.output]).shape.map(\.code))
            }
        }
        return SafetensorsWriter.size(floats: stored)
    }

    /// The fields in alphabetical order, as peft's `json.dumps(indent=2, sort_keys=True)` lays them out.
    private static func configuration(_ model: AdaptedModel, _ fields: [JSON.Member], _ sidecar: Sidecar) -> JSON {
        var members: [JSON.Member] = [
            .init("auto_mapping", nil),
            .init("base_model_name_or_path", .string(sidecar.basePath)),
            .init("inference_mode", true),
            .init("modules_to_save", model.head == nil ? nil : ["classifier", "score"]),
            .init("peft_type", .string(model.method?.peftType ?? "")),
            .init("peft_version", "0.21.2"),
            .init("revision", nil),
            .init("task_type", .string(model.task.name)),
        ]
        for field in fields where field.key != "modules_to_save" {
            members.removeAll { $0.key == field.key }
            members.append(field)
        }
        // What the method says of a field counts last; its JSON was checked when it was traced or decoded.
        for field in model.method?.exportMap?.fields ?? [] {
            members.removeAll { $0.key == field.path }
            if case .fixed(let text) = field.source, let value = try? JSON.parse(text.utf8, place: field.path) {
                members.append(.init(field.path, value))
            }
        }
        return .object(members.sorted { $0.key < $1.key })
    }
}
