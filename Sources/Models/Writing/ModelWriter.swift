import Engine
import Formats
import Foundation

/// Writes a model, as it computes, into files that other programs read.
package struct ModelWriter {
    private let model: Model
    /// What all matrices are stored as; nil: as in the base, and in Q8_0 what was changed of a quantised one.
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
        let own = model.storageType(name) ?? .f32
        // A change is small beside the steps of few bits, and would be rounded away.
        let isKept = own.blockElements == 1 || tensor.weight.type == own.ggmlNumber
        let wanted = type ?? (isKept ? own : .q8_0)
        guard shape.count > 1 else { return (tensor, wanted.blockElements == 1 ? wanted : .f32) }
        // Rows that are not whole blocks have no quantised type.
        return (tensor, shape[1].isMultiple(of: wanted.blockElements) ? wanted : .f16)
    }

    // MARK: GGUF

    /// Writes a GGUF file. Its metadata are those of the base's, where that is one.
    ///
    /// - Throws: `ModelError` where the task has no such file, `FormatError` where the tokenizer has none; errors of writing.
    package func writeGGUF(_ path: String, progress: Progress) throws {
        guard head == nil else {
            throw ModelError(
                "a GGUF file has no place for a classification head", place: path, remedy: "write a folder instead")
        }
        var types: [StorageType: Int] = [:]
        var tensors: [GGUFWriter.Tensor] = []
        for (name, shape) in model.configuration.tensors {
            let (tensor, wanted) = try written(name, shape)
            let type = shape.count == 1 ? StorageType.f32 : wanted
            if shape.count > 1 { types[type, default: 0] += shape.reduce(1, *) }
            let order = model.configuration.ggufRowOrder(name, rows: shape[0]).map(inverse)
            tensors.append(
                GGUFWriter.Tensor(model.configuration.ggufName(name) ?? name, shape: shape, type) {
                    () throws(FormatError) in try tensor.encoded(name, as: type, rowOrder: order)
                })
        }
        var (metadata, divisors) = model.configuration.ggufMetadata
        if let divisors {
            let tensor = FrozenTensor(divisors, shape: [divisors.count])
            tensors.append(
                GGUFWriter.Tensor("rope_freqs.weight", shape: tensor.shape, .f32) { () throws(FormatError) in
                    try tensor.encoded("rope_freqs.weight", as: .f32)
                })
        }
        if let base = model.ggufMetadata {
            metadata = []
            for key in base.keys where !["general.alignment", "general.file_type"].contains(key) {
                if let value = try base.stored(key) { metadata.append((key, value)) }
            }
        } else {
            metadata.append(("general.name", .string(URL(filePath: model.path).lastPathComponent)))
            metadata += try model.tokenizer().ggufMetadata()
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
        let configuration = try configuration()
        let files = try companions()
        try Folder.make(path)
        for (name, content) in files { try AtomicFile.write(content, to: "\(path)/\(name)") }
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
        let types: [StorageType: JSON] = [.f32: "float32", .f16: "float16", .bf16: "bfloat16"]
        let type = JSON.Member("torch_dtype", types[largest.type] ?? .null)
        try AtomicFile.write(JSON.object(configuration + [type]).text(indent: 2) + "\n", to: path + "/config.json")
    }

    /// The files that a model's folder has beside its weights and configuration.
    private func companions() throws -> [(name: String, content: [UInt8])] {
        guard model.ggufMetadata == nil else {
            let tokenizer = try model.tokenizer()
            let settings = tokenizer.configuration(context: model.configuration.context)
            let ends = try model.endTokens(tokenizer).sorted().map { JSON.integer(Int64($0)) }
            let generation: JSON = ["eos_token_id": .array(ends)]
            return [
                ("tokenizer.json", tokenizer.json), ("tokenizer_config.json", settings),
                ("generation_config.json", generation),
            ].map { ($0, Array(($1.text(indent: 2) + "\n").utf8)) }
        }
        let names = [
            "tokenizer.json", "tokenizer_config.json", "tokenizer.model", "special_tokens_map.json",
            "added_tokens.json",
            "vocab.json", "merges.txt", "chat_template.jinja", "generation_config.json",
        ]
        return try names.filter { FileManager.default.fileExists(atPath: "\(model.path)/\($0)") }
            .map { ($0, try MappedFile.content("\(model.path)/\($0)")) }
    }

    /// The members of `config.json`, but for the weights' type.
    private func configuration() throws -> [JSON.Member] {
        var new: [JSON.Member] = [.init("tie_word_embeddings", .bool(model.configuration.isTied))]
        if let head {
            let ids = head.labels.indices.map { Int64($0) }
            let name = model.configuration.modelType.capitalized + "ForSequenceClassification"
            new += [
                .init("architectures", [.string(name)]),
                .init("id2label", .object(zip(ids, head.labels).map { .init(String($0), .string($1)) })),
                .init("label2id", .object(zip(head.labels, ids).map { .init($0, .integer($1)) })),
            ]
        }
        let base: [JSON.Member]
        if model.ggufMetadata == nil {
            let file = "\(model.path)/config.json"
            base = try JSON.parse(MappedFile.content(file), place: file).members ?? []
        } else {
            let tokenizer = try model.tokenizer()
            func id(_ id: Int32?) -> JSON { id.map { .integer(Int64($0)) } ?? .null }
            base =
                try model.configuration.json(place: model.path) + [
                    .init("bos_token_id", id(tokenizer.bosID)), .init("eos_token_id", id(tokenizer.eosID)),
                    .init("pad_token_id", id(tokenizer.padID)),
                ]
        }
        let names = Set(new.map(\.key)).union(["torch_dtype", "dtype"])
        return base.filter { !names.contains($0.key) } + new
    }
}
