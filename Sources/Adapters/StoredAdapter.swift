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
    /// What only training needs, where the folder holds it.
    package let state: TensorTable?
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
        let adapter = try Safetensors(file: folder + "/adapter_model.safetensors").tensors
        let training = try StoredAdapter.state(in: folder)
        (tensors, state) = (adapter, training)
        let beside = "\(folder)/\(Sidecar.fileName)"
        if FileManager.default.fileExists(atPath: beside) {
            let written = try Sidecar(JSON.parse(MappedFile.content(beside), place: beside), place: beside)
            sidecar = written
            if let hash = written.configurationSHA256, hash != Sidecar.hash(of: configuration) {
                throw AdapterError(
                    "it is not what was written with this adapter, whose program has the old values", place: file,
                    remedy: "put it back as it was, or import the folder without \(Sidecar.fileName)")
            }
            let head = StoredAdapter.headNames.lazy.compactMap { adapter[$0] ?? training?[$0] }.first
            if let labels = sidecar?.labels.count, let rows = head?.shape.first, rows != labels {
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
            try ForeignFolder(configuration, tensors, file).check()
        }
    }

    /// - Throws: `AdapterError` where the method's tensors are not those of the files: before anything of their size is made.
    package func check(_ program: MethodProgram) throws(AdapterError) {
        try program.expectedTensors.check(place: folder) { stored($0)?.shape }
    }

    /// The tensor of that name, in the adapter or beside it.
    private func stored(_ name: String) -> StoredTensor? { tensors[name] ?? state?[name] }

    private static let headNames = ["base_model.model.score.weight", "base_model.score.weight"]

    /// The classification head, under the name that its method gives it.
    private var head: StoredTensor? { StoredAdapter.headNames.lazy.compactMap(stored).first }

    /// What `trainable_state.safetensors` holds; nil where there is none.
    package static func state(in folder: String) throws -> TensorTable? {
        let file = "\(folder)/\(Sidecar.stateName)"
        return FileManager.default.fileExists(atPath: file) ? try Safetensors(file: file).tensors : nil
    }

    package var peftType: String { configuration["peft_type"]?.string ?? "" }

    /// What the adapter was trained for, from the sidecar or the config and its tensors.
    package var task: Task {
        get throws {
            if let sidecar { return sidecar.task }
            switch configuration["task_type"]?.string {
            case "SEQ_CLS":
                guard let head, head.shape.count == 2 else {
                    throw AdapterError("there is no \(StoredAdapter.headNames[0])", place: folder)
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

    /// How the host kept the base while the adapter was trained.
    package var quantization: Quantization { sidecar?.quantization ?? .none }

    /// Where the base is.
    ///
    /// - Parameter given: what the user says; nil for what the sidecar remembers.
    package func basePath(_ given: String?) throws(AdapterError) -> String {
        if let path = given ?? sidecar?.basePath { return path }
        throw AdapterError("it does not say which base it belongs to", place: folder, remedy: "give it with --model")
    }

    /// - Throws: `AdapterError` where the adapter was trained on another base.
    package func checkBase(_ model: Model) throws {
        guard let sidecar, try model.fingerprint() != sidecar.baseFingerprint else { return }
        throw AdapterError(
            "it was trained on another base than \(model.path) (the fingerprints differ)", place: folder,
            remedy: "give the base that it was trained on, \(sidecar.basePath), with --model")
    }

    /// Copies the stored values into the tensors of `model`: every one must be there, of its shape and finite, and no other
    /// in the adapter's own file.
    ///
    /// - Parameter known: numbers of tensors that have their values already; what is stored for them is left alone.
    package func load(into model: AdaptedModel, except known: Set<Int> = []) throws {
        guard let method = model.method else { return }
        let map = method.importMap.flatMap { known.isSuperset(of: $0.assignment.targets) ? nil : $0 }
        var expected = method.expectedTensors.filter { tensor in
            tensor.number.map { !known.contains($0) } ?? (map != nil)
        }
        if let head = model.head, !known.contains(head) {
            expected.append(
                ExpectedTensor(name: model.program.headName, shape: model.tensors.entries[head].shape, number: head))
        }
        expected.removeAll { $0.isSidecar && stored($0.name) == nil }
        let names = Set(expected.map(\.name))
        let copies = method.tableCopies.filter { tensors[$0.name] != nil }
        // A site that was pruned away leaves tensors without an element.
        let unknown = tensors.filter {
            !names.contains($0.name) && !copies.map(\.name).contains($0.name) && $0.elementCount > 0
        }.map(\.name)
        let missing = expected.map(\.name).filter { stored($0) == nil }
        if let first = unknown.first, known.isEmpty {
            throw AdapterError(
                "adapter_config.json does not ask for \(tensors(first, unknown.count))",
                place: folder, remedy: "its target_modules or layers leave them out, or the base is another")
        }
        if let first = missing.first {
            throw AdapterError(
                "adapter_config.json asks for \(tensors(first, missing.count)), missing here",
                place: folder,
                remedy: "its target_modules or layers ask for more than was trained, or the base is another")
        }
        try expected.check(place: folder) { stored($0)?.shape }
        for copy in copies { try check(copy.name, isA: copy.table, of: model.model) }
        var operands: [String: Buffer] = [:]
        for tensor in expected {
            let values = try finite(tensor)
            if let number = tensor.number {
                model.tensors[number] = values
            } else {
                operands[tensor.name] = Buffer(values)
            }
        }
        guard let map else { return }
        let graph = try WholeGraph(try model.program.whole(map.assignment.graph), of: model) { number in
            map.names.indices.contains(number) ? operands[map.names[number]]?.raw : nil
        }
        // The graph has their addresses alone.
        withExtendedLifetime(operands) { graph.run(on: WorkerPool(threads: 1)) }
        model.assign(graph, to: map.assignment.targets)
    }

    /// - Throws: `AdapterError` where a stored copy is not the base's table, but for the rounding of either's type.
    private func check(_ name: String, isA table: String, of base: Model) throws {
        let shape = [base.configuration.vocabulary, base.configuration.hiddenSize]
        let copy = FrozenTensor(try tensors.weight(name, shape: shape))
        let own = try base.original(table, shape: shape)
        for row in 0..<shape[0] {
            let (a, b) = (copy.values(rows: row..<row + 1), own.values(rows: row..<row + 1))
            // Half a unit in the last place of bfloat16, the coarsest of the types.
            guard let place = a.indices.first(where: { !(abs(a[$0] - b[$0]) <= 0x1p-8 * abs(b[$0]) + 1e-7) }) else {
                continue
            }
            throw AdapterError(
                "\(name) is not the base's \(table): \(a[place]) at [\(row), \(place)], not \(b[place])", place: folder,
                remedy: "give the base that the adapter was trained on with --model")
        }
    }

    private func tensors(_ first: String, _ count: Int) -> String {
        count == 1 ? "the tensor \(first)" : "the tensor \(first) and \(count - 1) more"
    }

    /// The values of a tensor that is there; the bits of integers.
    private func finite(_ tensor: ExpectedTensor) throws -> [Float] {
        let table = tensors[tensor.name] == nil ? state ?? tensors : tensors
        guard tensor.dtype == .f32 else { return try table.integers(tensor.name, shape: tensor.shape) }
        let values = FrozenTensor(try table.weight(tensor.name, shape: tensor.shape)).values()
        guard values.allSatisfy(\.isFinite) else {
            throw AdapterError("\(tensor.name) holds numbers that are not finite", place: folder)
        }
        return values
    }
}

extension TensorTable {
    /// The bits of the integers of a tensor.
    fileprivate func integers(_ name: String, shape: [Int]) throws -> [Float] {
        let tensor = try tensor(name)
        guard tensor.type == .i32, tensor.shape == shape else {
            throw AdapterError("\(name) is no tensor of int32 of the shape \(shape)", place: place)
        }
        return (0..<tensor.elementCount).map {
            Float(bitPattern: tensor.bytes.loadUnaligned(fromByteOffset: 4 * $0, as: UInt32.self))
        }
    }
}
