import Engine
import Formats
import Models
import Programs

/// What an adapter's folder holds of a method and its head, as the method's export map says.
package struct StoredForm {
    /// Of `adapter_model.safetensors`.
    package private(set) var tensors: [SafetensorsWriter.Tensor] = []
    /// Of `trainable_state.safetensors`: what only training needs, and buffers that training has changed.
    package private(set) var state: [SafetensorsWriter.Tensor] = []
    /// Config fields by their path; nil leaves one out. Later ones count.
    package private(set) var fields: [(path: String, value: JSON?)] = []

    /// - Parameter prunes: keeps of masked tensors what their masks select, and fills the fields that are computed; without
    ///   it tensors are as they were trained.
    package init(_ model: AdaptedModel, prunes: Bool) throws {
        let (map, learned) = (model.method?.exportMap, model.method?.learnedBuffers ?? [])
        for (number, entry) in model.tensors.entries.enumerated() where number != model.head {
            guard !entry.declaration.isBuffer || learned.contains(number) else { continue }
            let isFloat = entry.declaration.type.dtype == .f32
            let tensor = SafetensorsWriter.Tensor(
                entry.name, shape: entry.shape,
                isFloat ? .borrowed(model.tensors.borrowed(number)) : .integers(model.tensors[number].integers))
            if entry.declaration.isSidecar || entry.declaration.isBuffer {
                state.append(tensor)
            } else if map?.namesTensors != true {
                tensors.append(tensor)
            }
        }
        if let map {
            let graph = try WholeGraph(try model.program.whole(map.graph), of: model)
            graph.run(on: WorkerPool(threads: 1))
            for tensor in map.tensors { add(tensor, graph, prunes: prunes) }
            for field in map.fields { try add(field, graph, prunes: prunes) }
        }
        if let head = model.head, let method = model.method {
            let entry = model.tensors.entries[head]
            let tensor = SafetensorsWriter.Tensor(
                entry.name, shape: entry.shape, .borrowed(model.tensors.borrowed(head)))
            if method.isWithoutHead { state.append(tensor) } else { tensors.append(tensor) }
        }
    }

    private mutating func add(_ tensor: ExportMap.Tensor, _ graph: WholeGraph, prunes: Bool) {
        let type = graph.type(tensor.output)
        var (shape, values) = (type.shape.map(\.code), graph.values(tensor.output))
        if prunes, let mask = tensor.mask {
            let kept = graph.values(mask.output).map { $0 != 0 }
            values = StoredForm.select(values, shape, axis: mask.axis, kept)
            shape[mask.axis] = kept.count(where: \.self)
        }
        let stored = SafetensorsWriter.Tensor(
            tensor.name, shape: shape,
            type.dtype == .f32 ? .floats(values) : .integers(values.integers))
        if tensor.isSidecar { state.append(stored) } else { tensors.append(stored) }
    }

    /// What lies along `axis` where `kept` says so.
    static func select(_ values: [Float], _ shape: [Int], axis: Int, _ kept: [Bool]) -> [Float] {
        let inner = shape[(axis + 1)...].reduce(1, *)
        var result: [Float] = []
        for (line, start) in stride(from: 0, to: values.count, by: Swift.max(inner, 1)).enumerated()
        where kept[line % kept.count] {
            result += values[start..<start + inner]
        }
        return result
    }

    private mutating func add(_ field: ExportMap.Field, _ graph: WholeGraph, prunes: Bool) throws {
        switch field.source {
        case .omitted: fields.append((field.path, nil))
        case .fixed(let text): fields.append((field.path, try JSON.parse(text.utf8, place: field.path)))
        case .output(let output, let asBoolean):
            guard prunes else { return }
            let type = graph.type(output)
            let elements = try graph.values(output).map { value -> JSON in
                if asBoolean { return .bool(value != 0) }
                if type.dtype == .i32 { return .integer(Int64(Int32(bitPattern: value.bitPattern))) }
                guard value.isFinite else {
                    throw AdapterError("the config field \(field.path) came to \(value)", place: "the method")
                }
                // Python tells 8 from 8.0, and reads the former for both.
                return Int32(exactly: value).map { .integer(Int64($0)) } ?? .number(Double(value))
            }
            fields.append((field.path, type.rank == 0 ? elements[0] : .array(elements)))
        }
    }
}

extension TensorStore {
    /// The values of a tensor where they lie.
    fileprivate func borrowed(_ number: Int) -> SafetensorsWriter.Borrowed {
        .init(UnsafeBufferPointer(start: pointer(number), count: entries[number].count), owner: values)
    }
}

extension [Float] {
    /// What a tensor of integers holds.
    fileprivate var integers: [Int32] { map { Int32(bitPattern: $0.bitPattern) } }
}
