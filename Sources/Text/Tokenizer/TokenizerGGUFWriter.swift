import Formats

extension Tokenizer {
    /// What a GGUF file says of this tokenizer, key by key.
    ///
    /// - Throws: `FormatError` where GGUF has no words for it.
    package func ggufMetadata() throws(FormatError) -> [(key: String, value: GGUFWriter.Value)] {
        var metadata: [(key: String, value: GGUFWriter.Value)] = []
        func add(_ key: String, _ value: GGUFWriter.Value?) {
            if let value { metadata.append(("tokenizer.ggml.\(key)", value)) }
        }
        guard case .bytePair(let model) = model else { throw noWords("a Unigram model") }
        var kinds = kinds
        switch model.characters {
        case .bytes:
            add("model", .string("gpt2"))
            add("pre", .string(try byteLevelPre()))
            add("merges", .strings(model.merges.pairs.map { "\(text($0.left)) \(text($0.right))" }))
        case .codePoints(let byteTokens, let unknown, _):
            guard preTokenizer.steps.isEmpty else { throw noWords("words that are cut before they are encoded") }
            add("model", .string("llama"))
            add("pre", .string("default"))
            add("scores", .float32s(scores(model.merges)))
            add("add_space_prefix", .bool(normalizers.contains { if case .prepend = $0 { true } else { false } }))
            for id in byteTokens where id >= 0 { kinds[Int(id)] = 6 }
            if let unknown { kinds[Int(unknown)] = 2 }
        }
        add("tokens", .strings((0..<Int32(vocabularySize)).map(text)))
        add("token_type", .int32s(kinds))
        let before = postProcessor.leading
        let after = postProcessor.apply([[]], addSpecialTokens: true).ids.dropFirst(before.count)
        let (bos, eos) = (bosID ?? before.first, eosID ?? after.first)
        guard before.isEmpty || before == [bos], after.isEmpty || Array(after) == [eos] else {
            throw noWords("other special tokens around a text than BOS and EOS")
        }
        for (name, id) in [("bos", bos), ("eos", eos), ("unknown", unkID), ("padding", padID)] {
            add("\(name)_token_id", id.map { .uint32(UInt32($0)) })
        }
        add("add_bos_token", .bool(!before.isEmpty))
        add("add_eos_token", .bool(!after.isEmpty))
        if let chatTemplate { metadata.append(("tokenizer.chat_template", .string(chatTemplate))) }
        return metadata
    }

    private func noWords(_ what: String) -> FormatError {
        FormatError(.unsupported, "the tokenizer has \(what), which GGUF has no words for", place: place)
    }

    /// Where the vocabulary has a gap, a name that no text has.
    private func text(_ id: Int32) -> String { (try? token(id)) ?? "[PAD\(id)]" }

    /// `tokenizer.ggml.token_type`: 1 normal, 2 unknown, 3 control, 4 user-defined, 5 unused, 6 byte.
    private var kinds: [Int32] {
        var kinds = (0..<Int32(vocabularySize)).map { (try? token($0)) == nil ? Int32(5) : 1 }
        for token in added.tokens { kinds[Int(token.id)] = token.special ? 3 : 4 }
        return kinds
    }

    /// How words are cut, by the name that GGUF gives it.
    private func byteLevelPre() throws(FormatError) -> String {
        let names = preTokenizer.steps.map { step in
            switch step {
            case .split(.gpt2): "gpt2"
            case .split(.llama3): "llama3"
            case .split(.qwen2): "qwen2"
            case .digits(individually: true): "digits"
            default: "?"
            }
        }
        switch names {
        case ["gpt2"]: return "gpt-2"
        case ["digits", "gpt2"]: return "smollm"
        case ["llama3"]: return "llama-bpe"
        case ["qwen2"]: return "qwen2"
        default: throw noWords("a way to cut words")
        }
    }

    /// SentencePiece joins what gives the token of the best score: the token of an earlier merge has a better one.
    private func scores(_ merges: BytePairEncoding.Merges) -> [Float] {
        var scores = [Float](repeating: 0, count: vocabularySize)
        for (rank, token) in merges.results.enumerated().reversed() { scores[Int(token)] = -Float(rank) - 1 }
        return scores
    }
}
