import Engine
import Formats
import Foundation
import Models
import Programs

/// Writes adapters as Hugging Face PEFT 0.21 does: `adapter_config.json`, `adapter_model.safetensors`; beside them our
/// sidecar, what only training needs, and the program by which the folder's own files run.
package struct AdapterWriter {
    private let model: AdaptedModel
    private let traced: TracedMethod
    private let sidecar: Sidecar

    package init(_ model: AdaptedModel, _ traced: TracedMethod, sidecar: Sidecar) {
        self.model = model
        self.traced = traced
        self.sidecar = sidecar
    }

    /// Puts every file in place by rename: a reader sees the old or the new one, never half of one.
    ///
    /// - Parameters:
    ///   - prunes: see ``StoredForm/init(_:prunes:)``.
    ///   - copiesTables: writes the frozen table of adapted embeddings too, as peft does.
    ///   - state: what `trainable_state.safetensors` holds; nil for what the method says.
    /// - Throws: `AdapterError` or `PluginError`, before anything is written, where the files would not be read again.
    package func write(
        to folder: String, prunes: Bool = true, copiesTables: Bool = false, state: [SafetensorsWriter.Tensor]? = nil
    ) throws {
        let form = try StoredForm(model, prunes: prunes)
        let configuration = configuration(form.fields)
        let program = try program(form, configuration, folder)
        try Folder.make(folder)
        let copies = copiesTables ? try traced.program.tableCopies.map { try copy($0, of: $1) } : []
        try SafetensorsWriter.write(form.tensors + copies, to: folder + "/adapter_model.safetensors")
        let (state, file) = (state ?? form.state, "\(folder)/\(Sidecar.stateName)")
        if !state.isEmpty {
            try SafetensorsWriter.write(state, to: file)
        } else if FileManager.default.fileExists(atPath: file) {
            try FileManager.default.removeItem(atPath: file)
        }
        try AtomicFile.write(program.encode(), to: "\(folder)/\(Sidecar.programName)")
        var sidecar = sidecar
        let text = configuration.text(indent: 2)
        // As a reader sees it.
        sidecar.configurationSHA256 = Sidecar.hash(of: try JSON.parse(Array(text.utf8), place: folder))
        try AtomicFile.write(sidecar.json.text(indent: 2) + "\n", to: "\(folder)/\(Sidecar.fileName)")
        try AtomicFile.write(text, to: folder + "/adapter_config.json")
    }

    private func copy(_ name: String, of table: String) throws -> SafetensorsWriter.Tensor {
        let base = model.model
        let shape = [base.configuration.vocabulary, base.configuration.hiddenSize]
        return .init(name, shape: shape, .floats(try base.original(table, shape: shape).values()))
    }

    /// The method as a reader of the folder sees it: where the tensors have a form of their own they may have other shapes
    /// than those that were trained.
    private func program(_ form: StoredForm, _ configuration: JSON, _ folder: String) throws -> MethodProgram {
        guard traced.program.exportMap?.namesTensors == true else { return traced.program }
        let program = try traced.reading(
            configuration, tensors: Set(form.tensors.map(\.name)), model: model.model.configuration, task: model.task)
        let shapes = Dictionary((form.state + form.tensors).map { ($0.name, $0.shape) }) { $1 }
        try program.expectedTensors.check(place: folder) { shapes[$0] }
        return program
    }

    /// Bytes of the file that ``tensors(_:)`` are written into: those of the method as it is traced, before anything of them
    /// is left out that only a run shows.
    package static func fileSize(_ model: AdaptedProgram) -> Int {
        var stored = model.declarations.filter { !$0.declaration.isBuffer && !$0.declaration.isSidecar }.map {
            (name: $0.name, shape: $0.declaration.type.shape.map(\.code))
        }
        if let method = model.method, let map = method.exportMap, map.namesTensors {
            let graph = method.graphs[map.graph]
            stored = stored.filter { $0.name == model.headName }
            stored += map.tensors.filter { !$0.isSidecar }.map {
                ($0.name, graph.type(graph.outputs[$0.output]).shape.map(\.code))
            }
        }
        if model.method?.isWithoutHead == true { stored.removeAll { $0.name == model.headName } }
        return SafetensorsWriter.size(floats: stored)
    }

    /// The fields in alphabetical order, as peft's `json.dumps(indent=2, sort_keys=True)` lays them out. What the method says
    /// of a field counts last.
    private func configuration(_ fields: [(path: String, value: JSON?)]) -> JSON {
        var members: [JSON.Member] = [
            .init("auto_mapping", nil),
            .init("base_model_name_or_path", .string(sidecar.basePath)),
            .init("inference_mode", true),
            .init("modules_to_save", nil),
            .init("peft_type", .string(traced.program.peftType)),
            .init("peft_version", "0.21.2"),
            .init("revision", nil),
            .init("task_type", .string(model.task.name)),
        ]
        for field in traced.fields {
            members.removeAll { $0.key == field.key }
            members.append(field)
        }
        var result = JSON.object(members)
        for field in fields {
            result = result.setting(field.path.split(separator: "/").map(String.init)[...], field.value)
        }
        return .object((result.members ?? []).sorted { $0.key < $1.key })
    }
}

extension JSON {
    /// With the member at that path set, and objects made on the way; nil leaves it out.
    fileprivate func setting(_ path: ArraySlice<String>, _ value: JSON?) -> JSON {
        guard let key = path.first else { return value ?? .null }
        var members = self.members ?? []
        let old = self[key] ?? .null
        let place = members.firstIndex { $0.key == key }
        guard value != nil || path.count > 1 else {
            members.removeAll { $0.key == key }
            return .object(members)
        }
        let member = Member(key, old.setting(path.dropFirst(), value))
        if let place { members[place] = member } else { members.append(member) }
        return .object(members)
    }
}
