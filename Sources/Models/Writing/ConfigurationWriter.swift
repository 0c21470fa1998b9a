import Formats

extension LlamaConfiguration {
    /// The members of a Hugging Face `config.json` that say what this configuration says.
    ///
    /// - Throws: `ModelError` where Hugging Face has no words for it.
    func json(place: String) throws(ModelError) -> [JSON.Member] {
        func noWords(_ what: String) -> ModelError {
            ModelError("\(what), which config.json has no words for", place: place, remedy: "write a GGUF file")
        }
        let attentionBiases = [hasQueryBias, hasKeyBias, hasValueBias, hasOutputBias]
        guard Set(attentionBiases).count == 1 else { throw noWords("some of the attention's layers have biases") }
        func size(_ number: Int) -> JSON { .integer(Int64(number)) }
        var members: [JSON.Member] = [
            .init("architectures", [.string(modelType.capitalized + "ForCausalLM")]),
            .init("model_type", .string(modelType)), .init("hidden_act", "silu"), .init("vocab_size", size(vocabulary)),
            .init("hidden_size", size(hiddenSize)), .init("intermediate_size", size(intermediateSize)),
            .init("num_hidden_layers", size(layers)), .init("num_attention_heads", size(heads)),
            .init("num_key_value_heads", size(keyHeads)), .init("head_dim", size(headSize)),
            .init("max_position_embeddings", size(context)), .init("rms_norm_eps", .number(normEpsilon.shortest)),
            .init("rope_theta", .number(rope.theta.shortest)), .init("attention_bias", .bool(hasQueryBias)),
            .init("mlp_bias", .bool(hasMLPBias)), .init("tie_word_embeddings", .bool(isTied)),
        ]
        switch rope.scaling {
        case .none: break
        case .linear(let factor):
            members.append(.init("rope_scaling", ["rope_type": "linear", "factor": .number(factor.shortest)]))
        case .llama3(let factor, let low, let high, let context):
            members.append(
                .init(
                    "rope_scaling",
                    [
                        "rope_type": "llama3", "factor": .number(factor), "low_freq_factor": .number(low),
                        "high_freq_factor": .number(high), "original_max_position_embeddings": size(Int(context)),
                    ]))
        case .divisors: throw noWords("every frequency of its positions has a divisor of its own")
        }
        if window > 0 { members.append(.init("sliding_window", size(window))) }
        return members
    }

    /// What a GGUF file says of the model, key by key, and the divisors of its positions' frequencies (headSize / 2), where it
    /// has some.
    var ggufMetadata: (values: [(key: String, value: GGUFWriter.Value)], divisors: [Float]?) {
        var values: [(key: String, value: GGUFWriter.Value)] = [("general.architecture", .string("llama"))]
        func add(_ key: String, _ value: GGUFWriter.Value) { values.append(("llama.\(key)", value)) }
        func size(_ number: Int) -> GGUFWriter.Value { .uint32(UInt32(clamping: number)) }
        add("block_count", size(layers))
        add("context_length", size(context))
        add("embedding_length", size(hiddenSize))
        add("feed_forward_length", size(intermediateSize))
        add("attention.head_count", size(heads))
        add("attention.head_count_kv", size(keyHeads))
        add("attention.key_length", size(headSize))
        add("attention.value_length", size(headSize))
        add("attention.layer_norm_rms_epsilon", .float32(Float(normEpsilon)))
        add("rope.dimension_count", size(headSize))
        add("rope.freq_base", .float32(Float(rope.theta)))
        add("vocab_size", size(vocabulary))
        if window > 0 { add("attention.sliding_window", size(window)) }
        switch rope.scaling {
        case .none: return (values, nil)
        case .linear(let factor):
            add("rope.scaling.type", .string("linear"))
            add("rope.scaling.factor", .float32(Float(factor)))
            return (values, nil)
        case .divisors(let divisors): return (values, divisors.map(Float.init))
        case .llama3:
            let plain = Rope(theta: rope.theta).frequencies(headSize: headSize)
            return (values, zip(plain, rope.frequencies(headSize: headSize)).map { Float($0 / $1) })
        }
    }
}

extension Double {
    /// The number with the fewest digits that is the same in float32: what was written before a file kept its float32.
    fileprivate var shortest: Double { Double("\(Float(self))") ?? self }
}
