import CPeftPlugin
import Formats
import Programs

/// `peft.export/1`
func exportTable() -> peft_export_1 {
    var table = peft_export_1()
    table.struct_size = UInt32(MemoryLayout<peft_export_1>.size)
    table.tensor = { t, name, value in status(t) { $0.export(name, value) } }
    table.tensor_masked = { t, name, value, axis, mask in status(t) { $0.export(name, value, mask: (axis, mask)) } }
    table.sidecar = { t, name, value in status(t) { $0.export(name, value, isSidecar: true) } }
    table.field = { t, path, json in status(t) { $0.exportField(path, json) } }
    table.field_from = { t, path, value, asBoolean in status(t) { $0.exportField(path, from: value, asBoolean != 0) } }
    table.stored = { t, name, rank, shape in Trace.at(t)?.stored(name, rank, shape) ?? failedValue }
    return table
}

extension Trace {
    private func exporting(_ name: String) -> OpenGraph? {
        guard let graph = graph(for: name) else { return nil }
        guard graph.kind == .export else {
            fail("\(name): only in export graphs")
            return nil
        }
        return graph
    }

    fileprivate func export(
        _ name: UnsafePointer<CChar>?, _ value: peft_value, mask: (axis: Int32, value: peft_value)? = nil,
        isSidecar: Bool = false
    ) {
        guard let graph = exporting("tensor"), let name = text(name, "tensor: the name") else { return }
        guard !name.isEmpty, name.utf8.count <= 512, !graph.exported.contains(where: { $0.tensor.name == name }) else {
            return fail("tensor: the name \"\(name.prefix(80))\" is empty, too long or there already")
        }
        let output = node(value, "tensor", in: graph)
        let maskValue = mask.map { node($0.value, "tensor_masked", in: graph) }
        guard error == nil else { return }
        let shape = graph.builder.type(output).shape
        if let mask, let maskValue {
            guard shape.indices.contains(Int(mask.axis)),
                graph.builder.type(maskValue) == TensorType([shape[Int(mask.axis)]])
            else {
                let (type, of) = (graph.builder.type(maskValue).name, graph.builder.type(output).name)
                return fail("tensor_masked: a mask of \(type) along axis \(mask.axis) of \(of)")
            }
        }
        var tensor = ExportMap.Tensor(name: name, output: 0, isSidecar: isSidecar)
        tensor.mask = mask.map { ExportMap.Mask(output: 0, axis: Int($0.axis)) }
        graph.exported.append((tensor, output, maskValue))
    }

    private func newField(_ path: UnsafePointer<CChar>?) -> (graph: OpenGraph, path: String)? {
        guard let graph = exporting("field"), let path = text(path, "field: the path") else { return nil }
        let isPath = path.split(separator: "/", omittingEmptySubsequences: false).allSatisfy { !$0.isEmpty }
        guard isPath, path.utf8.count <= 512, !graph.fields.contains(where: { $0.path == path }) else {
            fail("field: the path \"\(path.prefix(80))\" is empty, too long or there already")
            return nil
        }
        return (graph, path)
    }

    fileprivate func exportField(_ path: UnsafePointer<CChar>?, _ json: UnsafePointer<CChar>?) {
        guard let (graph, path) = newField(path) else { return }
        guard let json else { return graph.fields.append((path, nil, nil, false)) }
        guard let text = text(json, "field: the JSON") else { return }
        guard (try? JSON.parse(text.utf8, place: path)) != nil else {
            return fail("field: \(path) is given \(text.prefix(60)), which is not JSON")
        }
        graph.fields.append((path, text, nil, false))
    }

    fileprivate func exportField(_ path: UnsafePointer<CChar>?, from value: peft_value, _ asBoolean: Bool) {
        guard let (graph, path) = newField(path) else { return }
        let output = node(value, "field_from", in: graph)
        guard error == nil else { return }
        guard graph.builder.type(output).rank <= 1 else {
            return fail("field_from: \(path) is \(graph.builder.type(output).name); a scalar or a list is needed")
        }
        graph.fields.append((path, nil, output, asBoolean))
    }

    fileprivate func stored(_ name: UnsafePointer<CChar>?, _ rank: Int32, _ shape: UnsafePointer<Int64>?) -> peft_value
    {
        guard let graph = graph(for: "stored") else { return failedValue }
        guard graph.kind == .importing else {
            fail("stored: only in import graphs")
            return failedValue
        }
        guard let name = text(name, "stored: the name"), let shape = self.shape("stored", rank, shape) else {
            return failedValue
        }
        guard !name.isEmpty, name.utf8.count <= 512, !graph.stored.contains(name) else {
            fail("stored: the name \"\(name.prefix(80))\" is empty, too long or read already")
            return failedValue
        }
        graph.stored.append(name)
        return issue(graph.builder.argument(graph.stored.count - 1, TensorType(shape)), in: graph)
    }

    /// The export graph with what was named in it.
    func exportMap(of graph: OpenGraph) throws(ProgramError) -> ExportMap {
        var outputs: [Value] = []
        func output(_ value: Value) -> Int {
            outputs.append(value)
            return outputs.count - 1
        }
        let tensors = graph.exported.map { exported in
            var tensor = exported.tensor
            tensor.output = output(exported.value)
            if let mask = exported.mask { tensor.mask?.output = output(mask) }
            return tensor
        }
        let fields = graph.fields.map { field in
            let computed = field.value.map { ExportMap.Field.Source.output(output($0), asBoolean: field.asBoolean) }
            return ExportMap.Field(path: field.path, source: computed ?? field.json.map { .fixed($0) } ?? .omitted)
        }
        return ExportMap(graph: program.add(try graph.builder.finish(outputs)), tensors: tensors, fields: fields)
    }
}
