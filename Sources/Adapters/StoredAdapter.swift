import Engine
import Formats
import Foundation
import Models
import Programs

/// An adapter's folder, opened and checked, but not yet put onto a model.
package struct StoredAdapter {
    package let folder: String
    package let configuration: JSON
    package let tensors: TensorTable
    /// nil for folders that another program wrote.
    package let sidecar: Sidecar?
    /// The method as it was traced when the adapter was trained; nil for folders that another program wrote.
    package let program: MethodProgram?

    /// - Throws: `AdapterError` or `FormatError` that name what is missing or malformed.
    package init(_ folder: String) throws {
        self.folder = folder
        let file = folder + "/adapter_config.json"
        guard FileManager.default.fileExists(atPath: file) else {
            throw AdapterError(
                "there is no adapter_config.json", place: folder,
                remedy: "give the folder that train wrote with --output")
        }
        configuration = try JSON.parse(MappedFile.content(file), place: file)
        tensors = try Safetensors(file: folder + "/adapter_model.safetensors").tensors
        let beside = "\(folder)/\(Sidecar.fileName)"
        if FileManager.default.fileExists(atPath: beside) {
            sidecar = try Sidecar(JSON.parse(MappedFile.content(beside), place: beside), place: beside)
            if let labels = sidecar?.labels.count, let rows = tensors[AdaptedProgram.headName]?.shape.first,
                rows != labels
            {
                throw AdapterError("\(labels) labels for a head of \(rows) rows", place: beside)
            }
            let code = "\(folder)/\(Sidecar.programName)"
            do {
                program = try MethodProgram.decode(MappedFile.content(code))
            } catch let error as ProgramError {
                throw AdapterError("the method's program cannot be used: \(error.message)", place: code)
            }
        } else {
            sidecar = nil
            program = nil
        }
    }

    /// - Throws: `AdapterError` where the method's tensors are not those of the file: before anything of their size is made.
    package func check(_ program: MethodProgram) throws(AdapterError) {
        guard program.importMap == nil else { return }
        for (name, tensor) in program.storedTensors where !tensor.isBuffer && !tensor.isSidecar {
            let shape = tensor.type.shape.map(\.code)
            guard let stored = tensors[name] else {
                throw AdapterError("the method's tensor \(name) is not there", place: folder)
            }
            guard stored.shape == shape else {
                throw AdapterError("\(name) has the shape \(stored.shape), and \(shape) in the method", place: folder)
            }
        }
    }

    package var peftType: String { configuration["peft_type"]?.string ?? "" }

    /// What the adapter was trained for, from the sidecar or the config and its tensors.
    package var task: Task {
        get throws {
            if let sidecar { return sidecar.task }
            switch configuration["task_type"]?.string {
            case "SEQ_CLS":
                guard let head = tensors[AdaptedProgram.headName], head.shape.count == 2 else {
                    throw AdapterError("there is no \(AdaptedProgram.headName)", place: folder)
                }
                return .sequenceClassification(labels: head.shape[0])
            case "CAUSAL_LM", nil: return .causalLM
            case .some(let other): throw AdapterError("task_type \(other) is not implemented", place: folder)
            }
        }
    }

    /// Names of the labels; numbers where nobody wrote them down.
    package func labels(_ task: Task) -> [String] {
        sidecar?.labels ?? (0..<task.labels).map(String.init)
    }

    /// - Throws: `AdapterError` where the adapter was trained on another base.
    package func checkBase(_ model: Model) throws {
        guard let sidecar, try model.fingerprint() != sidecar.baseFingerprint else { return }
        throw AdapterError(
            "it was trained on another base than \(model.path) (the fingerprints differ)", place: folder,
            remedy: "give the base that it was trained on, \(sidecar.basePath), with --model")
    }

    /// Copies the stored values into the tensors of `model`; every one must be there, of its shape and finite, and no other.
    package func load(into model: AdaptedModel) throws {
        let store = model.tensors
        let wanted = store.entries.filter { !$0.declaration.isBuffer && !$0.declaration.isSidecar }
        let names = Set(wanted.map(\.name))
        let unknown = tensors.map(\.name).filter { !names.contains($0) }
        let missing = wanted.map(\.name).filter { tensors[$0] == nil }
        for (what, list) in [("does not know", unknown), ("misses", missing)] where !list.isEmpty {
            throw AdapterError(
                "the method \(what) \(list.count) of the tensors, \(list[0]) among them", place: folder,
                remedy: "the config does not fit the tensors")
        }
        for entry in wanted {
            let stored = try tensors.weight(entry.name, shape: entry.shape)
            let values = FrozenTensor(stored).values()
            guard values.allSatisfy(\.isFinite) else {
                throw AdapterError("\(entry.name) holds numbers that are not finite", place: folder)
            }
            store[store.number(entry.name)!] = values
        }
    }
}
