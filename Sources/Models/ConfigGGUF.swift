import Engine
import Formats

extension LlamaConfiguration {
    /// Reads the metadata of a GGUF file; biases and tying show in which tensors there are.
    ///
    /// - Throws: `ModelError` or `FormatError` that names what is missing, malformed or not implemented.
    package init(_ gguf: GGUF) throws {
        let place = gguf.path
        let architecture = try gguf.string("general.architecture")
        guard architecture == "llama" else {
            throw ModelError(
                "the architecture \"\(architecture)\" is not implemented", place: place, remedy: "llama is")
        }
        if try gguf.intIfPresent("llama.expert_count") ?? 0 > 0 {
            throw ModelError("mixtures of experts are not implemented", place: place)
        }
        modelType = "llama"
        hiddenSize = try gguf.int("llama.embedding_length")
        intermediateSize = try gguf.int("llama.feed_forward_length")
        layers = try gguf.int("llama.block_count")
        heads = try gguf.int("llama.attention.head_count")
        keyHeads = try gguf.intIfPresent("llama.attention.head_count_kv") ?? heads
        headSize = try gguf.intIfPresent("llama.attention.key_length") ?? hiddenSize / Swift.max(heads, 1)
        context = try gguf.int("llama.context_length")
        normEpsilon = try gguf.float("llama.attention.layer_norm_rms_epsilon")
        window = try gguf.intIfPresent("llama.attention.sliding_window") ?? 0
        vocabulary = try gguf.tensors.tensor("token_embd.weight").shape.first ?? 0
        isTied = gguf.tensors["output.weight"] == nil
        hasQueryBias = gguf.tensors["blk.0.attn_q.bias"] != nil
        hasKeyBias = gguf.tensors["blk.0.attn_k.bias"] != nil
        hasValueBias = gguf.tensors["blk.0.attn_v.bias"] != nil
        hasOutputBias = gguf.tensors["blk.0.attn_output.bias"] != nil
        hasMLPBias = gguf.tensors["blk.0.ffn_gate.bias"] != nil
        rope = Rope(theta: try gguf.floatIfPresent("llama.rope.freq_base") ?? 10000)
        try check(place)
        if let rotated = try gguf.intIfPresent("llama.rope.dimension_count"), rotated != headSize {
            throw ModelError("rotating \(rotated) of \(headSize) head elements is not implemented", place: place)
        }
        if let value = try gguf.intIfPresent("llama.attention.value_length"), value != headSize {
            throw ModelError(
                "values of size \(value) beside keys of size \(headSize) are not implemented", place: place)
        }
        // Files from before there were types have a factor only, under its older name.
        let factor =
            try gguf.floatIfPresent("llama.rope.scaling.factor") ?? gguf.floatIfPresent("llama.rope.scale_linear")
        let kind = try gguf.stringIfPresent("llama.rope.scaling.type") ?? (factor == nil ? "none" : "linear")
        switch kind {
        case "none": break
        case "linear":
            guard let factor else { throw ModelError("linear rope scaling has no factor", place: place) }
            rope.scaling = .linear(factor: factor)
        default:
            throw ModelError("rope scaling \"\(kind)\" is not implemented", place: place, remedy: "linear is")
        }
        if gguf.tensors["rope_freqs.weight"] != nil {
            guard rope.scaling == .none else {
                throw ModelError("rope_freqs.weight beside rope scaling \"\(kind)\" is not implemented", place: place)
            }
            let divisors = try gguf.tensors.weight("rope_freqs.weight", shape: [headSize / 2])
            rope.scaling = .divisors(FrozenTensor(divisors).values().map(Double.init))
        }
        try rope.check(place)
    }
}
