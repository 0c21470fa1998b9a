import Engine
import Formats
import Foundation

/// Writes a model, as it computes, into files that other programs read.
package struct ModelWriter {
    private let model: Model
    /// What all matrices are stored as; nil: as in the base, where that type can be written, else Q8_0.
    private let type: StorageType?
    /// A classification head: its values (labels, hidden), and the labels' names.
    private let head: (values: [Float], labels: [String])?

    package init(_ model: Model, as type: StorageType?, head: (values: [Float], labels: [String])? = nil) {
        (self.model, self.type, self.head) = (model, type, head)
    }

    package typealias Progress = (_ done: Int, _ total: Int) -> Void

    /// A tensor of the model with the type that it gets.
    private func written(_ name: String, _ shape: [Int]) throws -> (tensor: FrozenTensor, type: StorageType) {
        let tensor = try model.tensor(name, shape: shape)
        let own = StorageType(number: try model.original(name, shape: shape).weight.type) ?? .f32
        let wanted = type ?? own
        let isUnchanged = tensor.weight.type == wanted.ggmlNumber
        guard shape.count > 1 else { return (tensor, wanted.blockElements == 1 ? wanted : .f32) }
        let type = StorageType.writable.contains(wanted) || isUnchanged ? wanted : .q8_0
        // Rows that are not whole blocks have no quantised type.
        return (tensor, shape[1].isMultiple(of: type.blockElements) ? type : .f16)
    }

    // MARK: GGUF

    /// Writes a GGUF file with the metadata of the base's.
    ///
    /// - Throws: `ModelError` where the base or the task has no such file; errors of writing.
    package func writeGGUF(_ path: String, progress: Progress) throws {
        guard head == nil else {
            throw ModelError(
                "a GGUF file has no place for a classification head", place: path, remedy: "write a folder instead")
        }
        guard let base = model.ggufMetadata else {
            throw ModelError(
                "the base \(model.path) is a folder, and a GGUF file is made of a GGUF file only", place: path,
                remedy: "write a folder instead")
        }
        var types: [StorageType: Int] = [:]
        var tensors: [GGUFWriter.Tensor] = []
        for (name, shape) in model.configuration.tensors {
            let (tensor, stored) = try written(name, shape)
            var type = stored
            if shape.count == 1 { type = .f32 } else { types[type, default: 0] += shape.reduce(1, *) }
            let order = model.configuration.ggufRowOrder(name, rows: shape[0]).map(inverse)
            let own = model.configuration.ggufName(name) ?? name
            tensors.append(
                GGUFWriter.Tensor(own, shape: shape, type) { [type] () throws(FormatError) in
                    try tensor.encoded(name, as: type, rowOrder: order)
                })
        }
        if let divisors = base.tensors["rope_freqs.weight"] {
            tensors.append(
                GGUFWriter.Tensor(divisors.name, shape: divisors.shape, divisors.type) {
                    divisors.withBytes(Array.init)
                })
        }
        var metadata: [(String, GGUFWriter.Value)] = []
        for key in base.keys where !["general.alignment", "general.file_type"].contains(key) {
            if let value = try base.stored(key) { metadata.append((key, value)) }
        }
        if let most = types.max(by: { $0.value < $1.value })?.key, let number = ModelWriter.fileTypes[most] {
            metadata.append(("general.file_type", .uint32(number)))
        }
        try GGUFWriter.write(metadata, tensors, to: path, progress: progress)
    }

    /// What `general.file_type` says of files that are mostly of a type.
    private static let fileTypes: [StorageType: UInt32] = [
        .f32: 0, .f16: 1, .q4_0: 2, .q4_1: 3, .q8_0: 7, .q5_0: 8, .q5_1: 9, .q6_K: 18, .bf16: 32,
    ]

    private func inverse(_ order: [Int32]) -> [Int32] {
        var result = order
        for (row, from) in order.enumerated() { result[Int(from)] = Int32(row) }
        return result
    }

    // MARK: Hugging Face

    /// Writes a folder as `save_pretrained` does: `config.json`, `model.safetensors`, and the other files of the base's folder.
    ///
    /// - Throws: `ModelError` where the base's tokenizer or configuration cannot be written so; errors of writing.
    package func writeFolder(_ path: String, progress: Progress) throws {
        try Folder.make(path)
        for file in try companions() {
            let name = URL(filePath: file).lastPathComponent
            try AtomicFile.write(MappedFile.content(file), to: "\(path)/\(name)")
        }
        var tensors: [SafetensorsWriter.Tensor] = []
        var largest: (type: StorageType, count: Int) = (.f32, 0)
        for (name, shape) in model.configuration.tensors where !(head != nil && name == "lm_head.weight") {
            let (tensor, stored) = try written(name, shape)
            var type = stored
            if !type.isInSafetensors { type = .f16 }
            let count = shape.reduce(1, *)
            if count > largest.count { largest = (type, count) }
            tensors.append(
                SafetensorsWriter.Tensor(
                    name, shape: shape,
                    .made(type, byteCount: count * type.blockBytes) { [type] () throws(FormatError) in
                        try tensor.encoded(name, as: type)
                    }))
        }
        if let head {
            let shape = [head.labels.count, model.configuration.hiddenSize]
            let tensor = FrozenTensor(head.values, shape: shape)
            let bytes = try tensor.encoded("score.weight", as: largest.type)
            tensors.append(SafetensorsWriter.Tensor("score.weight", shape: shape, .raw(largest.type, bytes)))
        }
        try SafetensorsWriter.write(tensors, to: path + "/model.safetensors", progress: progress)
        // The folder is a model once its configuration is there.
        try AtomicFile.write(try configuration(largest.type).text(indent: 2) + "\n", to: path + "/config.json")
    }

    /// The files that a model's folder has beside its weights and configuration.
    private func companions() throws -> [String] {
        guard model.ggufMetadata == nil else {
            throw ModelError(
                "the base is a GGUF file, whose tokenizer a folder cannot hold yet", place: model.path,
                remedy: "write a GGUF file instead")
        }
        let names = [
            "tokenizer.json", "tokenizer_config.json", "tokenizer.model", "special_tokens_map.json",
            "added_tokens.json",
            "vocab.json", "merges.txt", "chat_template.jinja", "generation_config.json",
        ]
        return names.map { "\(model.path)/\($0)" }.filter { FileManager.default.fileExists(atPath: $0) }
    }

    private func configuration(_ type: StorageType) throws -> JSON {
        let file = "\(model.path)/config.json"
        let base = try JSON.parse(MappedFile.content(file), place: file)
        let types: [StorageType: String] = [.f32: "float32", .f16: "float16", .bf16: "bfloat16"]
        var new: [JSON.Member] = [
            .init("tie_word_embeddings", .bool(model.configuration.isTied)),
            .init(base["dtype"] == nil ? "torch_dtype" : "dtype", types[type].map(JSON.string) ?? .null),
        ]
        if let head {
            let ids = head.labels.indices.map { Int64($0) }
            new += [
                .init(
                    "architectures", [.string(model.configuration.modelType.capitalized + "ForSequenceClassification")]),
                .init("id2label", .object(zip(ids, head.labels).map { .init(String($0), .string($1)) })),
                .init("label2id", .object(zip(head.labels, ids).map { .init($0, .integer($1)) })),
            ]
        }
        let names = Set(new.map(\.key))
        return .object((base.members ?? []).filter { !names.contains($0.key) } + new)
    }
}
