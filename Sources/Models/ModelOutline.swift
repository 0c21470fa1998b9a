import Formats

/// What a plan needs of a model: its shape and how much its weights take, which a `config.json` alone says too.
package struct ModelOutline {
    package let configuration: LlamaConfiguration
    /// Bytes of all tensors that the architecture uses.
    package let weightBytes: Int
    /// Bytes of the embedding table.
    package let tableBytes: Int
    /// Storage types and how many tensors have each.
    package let storage: [(type: String, tensors: Int)]

    package init(_ model: Model) {
        configuration = model.configuration
        weightBytes = model.weightBytes
        tableBytes = model.tableBytes
        storage = model.storage
    }

    /// The model that a `config.json` describes, all its weights stored in the type that it names (without one: in F32).
    ///
    /// - Throws: `ModelError` or `FormatError` that name what is missing, malformed or not implemented.
    package init(config path: String) throws {
        let config = try JSON.parse(MappedFile.content(path), place: path)
        configuration = try LlamaConfiguration(config: config, place: path)
        let type = try ModelOutline.storageType(ConfigFields(config, path))
        let (body, head) = configuration.parameterCount
        weightBytes = (body + head) * type.blockBytes
        tableBytes = configuration.vocabulary * configuration.hiddenSize * type.blockBytes
        storage = [(type.name, configuration.tensors.count)]
    }

    private static func storageType(_ fields: ConfigFields) throws(ModelError) -> StorageType {
        // The older name beside the newer one.
        let (new, old) = (
            try fields.optional("dtype", { $0.string }), try fields.optional("torch_dtype", { $0.string })
        )
        let name = new ?? old ?? "float32"
        let types: [String: StorageType] = ["float32": .f32, "float16": .f16, "bfloat16": .bf16]
        guard let type = types[name] else {
            throw ModelError(
                "the dtype \"\(name)\" is not implemented", place: fields.place,
                remedy: "float32, float16 and bfloat16 are")
        }
        return type
    }
}
