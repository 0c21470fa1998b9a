import Formats

extension LlamaConfiguration {
    /// Reads a Hugging Face `config.json`.
    ///
    /// - Throws: `ModelError` that names what is missing, malformed or not implemented.
    package init(config: JSON, place: String) throws(ModelError) {
        let fields = ConfigFields(config, place)
        modelType = try fields.text("model_type")
        guard modelType == "llama" || modelType == "mistral" else {
            throw ModelError(
                "the architecture \"\(modelType)\" is not implemented", place: place, remedy: "llama and mistral are")
        }
        let activation = try fields.optional("hidden_act", { $0.string }) ?? "silu"
        guard activation == "silu" else {
            throw ModelError("hidden_act \"\(activation)\" is not implemented; silu is", place: place)
        }
        vocabulary = try fields.int("vocab_size")
        hiddenSize = try fields.int("hidden_size")
        intermediateSize = try fields.int("intermediate_size")
        layers = try fields.int("num_hidden_layers")
        heads = try fields.int("num_attention_heads")
        // An absent member and a null one differ where the architecture's default is not null.
        let isMistral = modelType == "mistral"
        let sharedHeads = isMistral && fields.lacks("num_key_value_heads") ? 8 : heads
        keyHeads = try fields.optional("num_key_value_heads", { $0.int }) ?? sharedHeads
        headSize = try fields.optional("head_dim", { $0.int }) ?? hiddenSize / Swift.max(heads, 1)
        context = try fields.optional("max_position_embeddings", { $0.int }) ?? (isMistral ? 1 << 17 : 2048)
        normEpsilon = try fields.optional("rms_norm_eps", { $0.double }) ?? 1e-6
        isTied = try fields.optional("tie_word_embeddings", { $0.bool }) ?? false
        let attentionBias = try fields.optional("attention_bias", { $0.bool }) ?? false
        hasQueryBias = attentionBias
        hasKeyBias = attentionBias
        hasValueBias = attentionBias
        hasOutputBias = attentionBias
        hasMLPBias = try fields.optional("mlp_bias", { $0.bool }) ?? false
        if isMistral {
            window = try fields.optional("sliding_window", { $0.int }) ?? (fields.lacks("sliding_window") ? 4096 : 0)
        }
        rope = try Rope(fields)
        try check(place)
        try rope.check(place)
    }
}

extension Rope {
    fileprivate init(_ fields: ConfigFields) throws(ModelError) {
        let nested = try fields.firstObject(of: ["rope_parameters", "rope_scaling"])
        let inner = try nested?.optional("rope_theta", { $0.double })
        let outer = try fields.optional("rope_theta", { $0.double })
        theta = inner ?? outer ?? 10000
        scaling = .none
        guard let nested else { return }
        if let part = try nested.optional("partial_rotary_factor", { $0.double }), part != 1 {
            throw ModelError("a partial_rotary_factor of \(part) is not implemented", place: fields.place)
        }
        let (new, old) = (try nested.optional("rope_type", { $0.string }), try nested.optional("type", { $0.string }))
        let kind = new ?? old ?? "default"
        switch kind {
        case "default": break
        case "linear": scaling = .linear(factor: try nested.double("factor"))
        case "llama3":
            scaling = .llama3(
                factor: try nested.double("factor"), low: try nested.double("low_freq_factor"),
                high: try nested.double("high_freq_factor"),
                context: try nested.double("original_max_position_embeddings"))
        default:
            throw ModelError(
                "rope type \"\(kind)\" is not implemented", place: fields.place,
                remedy: "default, linear and llama3 are")
        }
    }
}

/// Typed access to a JSON object, with errors that name the field.
struct ConfigFields {
    let json: JSON
    let place: String

    init(_ json: JSON, _ place: String) {
        self.json = json
        self.place = place
    }

    func optional<T>(_ name: String, _ read: (JSON) -> T?) throws(ModelError) -> T? {
        guard let value = json[name], !value.isNull else { return nil }
        guard let result = read(value) else {
            throw ModelError("\"\(name)\" is \(value.text()), which is not of its type", place: place)
        }
        return result
    }

    func lacks(_ name: String) -> Bool { json[name] == nil }

    private func required<T>(_ name: String, _ read: (JSON) -> T?) throws(ModelError) -> T {
        guard let value = try optional(name, read) else { throw ModelError("\"\(name)\" is missing", place: place) }
        return value
    }

    func int(_ name: String) throws(ModelError) -> Int { try required(name) { $0.int } }
    func double(_ name: String) throws(ModelError) -> Double { try required(name) { $0.double } }
    func text(_ name: String) throws(ModelError) -> String { try required(name) { $0.string } }
    /// The first of these members that is there; it must be an object.
    func firstObject(of names: [String]) throws(ModelError) -> ConfigFields? {
        for name in names {
            if let object = try optional(name, { $0.members == nil ? nil : $0 }) { return ConfigFields(object, place) }
        }
        return nil
    }
}
