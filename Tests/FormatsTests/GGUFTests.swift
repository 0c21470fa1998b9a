import Formats
import Testing

/// What the files of other people's tools hold, against the same weights in safetensors and the tokenizer in JSON.
@Suite struct GGUFTests {
    @Test(arguments: ["a-llama", "b-tied-gqa", "d-biases"])
    func holdsTheTensorsOfTheSafetensors(_ model: String) throws {
        let gguf = try GGUF(Fixtures.path("tiny/\(model)/model-f32.gguf"))
        let safetensors = try Safetensors(folder: Fixtures.path("tiny/\(model)"))
        #expect(gguf.version == 3)
        #expect(gguf.alignment == 32)
        #expect(gguf.tensors.count == safetensors.tensors.count)
        let heads = [
            "attn_q": try gguf.int("llama.attention.head_count"),
            "attn_k": try gguf.int("llama.attention.head_count_kv"),
        ]
        for expected in safetensors.tensors {
            let name = ggufName(expected.name)
            let tensor = try gguf.tensors.weight(name, shape: expected.shape)
            #expect(tensor.type == .f32)
            #expect(tensor.rowBytes * (tensor.shape.count == 1 ? 1 : tensor.shape[0]) == tensor.content.count)
            if let heads = heads.first(where: { name.contains($0.key) })?.value {
                #expect(tensor.content == interleaved(expected, heads: heads), "\(name)")
            } else {
                #expect(tensor.content == expected.content, "\(name)")
            }
        }
    }

    @Test func keepsBFloat16() throws {
        let gguf = try GGUF(Fixtures.path("tiny/c-mqa-llama3rope-bf16/model-bf16.gguf"))
        let safetensors = try Safetensors(folder: Fixtures.path("tiny/c-mqa-llama3rope-bf16"))
        for name in ["model.embed_tokens.weight", "model.layers.1.mlp.down_proj.weight", "lm_head.weight"] {
            let (tensor, expected) = (try gguf.tensors.tensor(ggufName(name)), try safetensors.tensors.tensor(name))
            #expect(tensor.type == .bf16)
            #expect(expected.type == .bf16)
            #expect(tensor.shape == expected.shape)
            #expect(tensor.content == expected.content)
        }
        #expect(try gguf.tensors.weight("rope_freqs.weight", shape: [8]).type == .f32)
    }

    /// The types are those that the fixture's script asked for.
    @Test func namesTheTypesOfAMixedFile() throws {
        let gguf = try GGUF(Fixtures.path("tiny/a-llama/model-mixed.gguf"))
        let types: [(String, StorageType)] = [
            ("token_embd", .q8_0), ("output", .q5_1), ("blk.0.attn_q", .q4_0), ("blk.0.attn_k", .q4_1),
            ("blk.0.attn_v", .q5_0), ("blk.0.ffn_gate", .f16), ("blk.0.ffn_up", .bf16), ("blk.1.ffn_down", .f32),
            ("blk.1.attn_norm", .f32),
        ]
        for (name, type) in types { #expect(try gguf.tensors.tensor("\(name).weight").type == type) }
        let embedding = try gguf.tensors.weight("token_embd.weight", shape: [384, 64])
        #expect(embedding.rowBytes == 2 * 34)
        #expect(embedding.content.count == 384 * 2 * 34)
        #expect(embedding.elementCount == 384 * 64)
        // The unquantised tensors are those of the safetensors.
        let safetensors = try Safetensors(folder: Fixtures.path("tiny/a-llama"))
        for name in ["model.layers.1.mlp.down_proj.weight", "model.norm.weight"] {
            #expect(try gguf.tensors.tensor(ggufName(name)).content == safetensors.tensors.tensor(name).content)
        }
    }

    @Test func readsTheModelsMetadata() throws {
        let gguf = try GGUF(Fixtures.path("tiny/f-linear-rope/model-f16.gguf"))
        #expect(try gguf.string("general.architecture") == "llama")
        #expect(try gguf.int("llama.embedding_length") == 64)
        #expect(try gguf.int("llama.attention.head_count") == 4)
        #expect(try gguf.float("llama.rope.scaling.factor") == 2.5)
        #expect(try gguf.string("llama.rope.scaling.type") == "linear")
        #expect(try gguf.stringIfPresent("llama.nothing") == nil)
        #expect(gguf.keys.contains("tokenizer.ggml.tokens"))
    }

    @Test(arguments: ["bpe-gpt2", "spm-bpe-llama"])
    func readsTheVocabularyOfTokenizerJSON(_ name: String) throws {
        let gguf = try GGUF(Fixtures.path("tokenizers/\(name)/tokenizer.gguf"))
        let json = try JSON.parse(contents(Fixtures.path("tokenizers/\(name)/tokenizer.json")), place: name)
        let tokens = try gguf.strings("tokenizer.ggml.tokens")
        let vocabulary = try #require(json["model"]?["vocab"]?.members)
        #expect(tokens.count >= vocabulary.count)
        for member in vocabulary { #expect(tokens[try #require(member.value.int)] == member.key) }
        #expect(try gguf.ints("tokenizer.ggml.token_type").count == tokens.count)
        #expect(gguf.tensors.isEmpty)
        if let merges = try gguf.stringsIfPresent("tokenizer.ggml.merges") {
            let expected = try #require(json["model"]?["merges"]?.array)
            #expect(merges == expected.map { $0.array?.compactMap(\.string).joined(separator: " ") ?? "" })
        }
    }

    @Test func readsScoresAndFlags() throws {
        let gguf = try GGUF(Fixtures.path("tokenizers/spm-unigram-identity/tokenizer.gguf"))
        let json = try JSON.parse(
            contents(Fixtures.path("tokenizers/spm-unigram-identity/tokenizer.json")), place: "tokenizer.json")
        let vocabulary = try #require(json["model"]?["vocab"]?.array)
        let expected = vocabulary.map { Float($0.array?.last?.double ?? .nan) }
        #expect(try gguf.floats("tokenizer.ggml.scores").map { Float($0) } == expected)
        #expect(try gguf.bool("tokenizer.ggml.add_bos_token"))
        #expect(try gguf.int("tokenizer.ggml.bos_token_id") == 1)
    }

    @Test func reads49152StringsAndOddAlignment() throws {
        let folder = try TemporaryFolder()
        let tokens = (0..<49152).map { "Ġtoken\($0)" }
        var builder = GGUFBuilder(values: [
            ("general.alignment", .uint32(64)), ("tokens", .strings(tokens)), ("small", .ints([-3, 300])),
            ("wide", .uint64(1 << 40)), ("negative", .int32(-7)), ("no", .bool(0)),
        ])
        builder.version = 2
        builder.alignment = 64
        builder.tensors = [.init(name: "t", dimensions: [32, 3], type: 2, offset: 64)]
        builder.dataSize = 64 + 3 * 18
        let gguf = try GGUF(try folder.write(builder.bytes, "big.gguf"))
        #expect(gguf.version == 2)
        #expect(gguf.alignment == 64)
        #expect(try gguf.strings("tokens") == tokens)
        #expect(try gguf.ints("small") == [-3, 300])
        #expect(try gguf.int("wide") == 1 << 40)
        #expect(try gguf.int("negative") == -7)
        #expect(try gguf.bool("no") == false)
        let tensor = try gguf.tensors.tensor("t")
        #expect(tensor.shape == [3, 32])
        #expect(tensor.type == .q4_0)
        #expect(tensor.content == (64..<118).map { UInt8(truncatingIfNeeded: $0 * 7) })
    }

    /// What gguf-py says of the types.
    @Test func knowsTheSizesOfTheTypes() throws {
        let index = try JSON.parse(contents(Fixtures.path("dequant/index.json")), place: "index.json")
        var known: Set<String> = []
        for entry in try #require(index["types"]?.array) {
            guard let type = StorageType(rawValue: try #require(entry["name"]?.string)) else { continue }
            #expect(type.ggmlNumber.map(Int.init) == entry["ggml_type"]?.int)
            #expect(type.blockElements == entry["block_values"]?.int)
            #expect(type.blockBytes == entry["block_bytes"]?.int)
            known.insert(type.name)
        }
        #expect(known.union(["F32"]) == Set(StorageType.allCases.filter(\.isWeight).map(\.name)))
    }
}

/// GGUF's name for a tensor that Hugging Face calls `name`.
private func ggufName(_ name: String) -> String {
    let parts = [
        ("model.embed_tokens.", "token_embd."), ("model.norm.", "output_norm."), ("lm_head.", "output."),
        ("model.layers.", "blk."), ("input_layernorm", "attn_norm"), ("post_attention_layernorm", "ffn_norm"),
        ("self_attn.q_proj", "attn_q"), ("self_attn.k_proj", "attn_k"), ("self_attn.v_proj", "attn_v"),
        ("self_attn.o_proj", "attn_output"), ("mlp.gate_proj", "ffn_gate"), ("mlp.up_proj", "ffn_up"),
        ("mlp.down_proj", "ffn_down"),
    ]
    return parts.reduce(name) { $0.replacing($1.0, with: $1.1) }
}

/// The rows of each head in GGUF's order: those of the rotary halves in turn.
private func interleaved(_ tensor: StoredTensor, heads: Int) -> [UInt8] {
    let content = tensor.content
    let rows = tensor.shape[0]
    let width = content.count / rows
    let half = rows / heads / 2
    var out: [UInt8] = []
    for head in 0..<heads {
        for pair in 0..<half {
            for side in 0..<2 {
                let row = head * 2 * half + side * half + pair
                out += content[row * width..<(row + 1) * width]
            }
        }
    }
    return out
}
