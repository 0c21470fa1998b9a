import Formats

extension Tokenizer {
    /// Builds what the `tokenizer.json` of the same model says. A GGUF cannot say how added tokens strip, nor that text is
    /// brought to normal form C, so neither happens.
    ///
    /// - Throws: `FormatError` that names what is missing, wrong or not supported.
    package init(gguf metadata: GGUFTokenizerMetadata, place: String) throws(FormatError) {
        let reader = GGUFTokenizerReader(metadata: metadata, place: place)
        switch metadata.model {
        case "gpt2": self = try reader.byteLevel()
        case "llama": self = try reader.sentencePieceBPE()
        case "t5": self = try reader.unigram()
        case let other:
            throw FormatError(
                .unsupported, "tokenizer.ggml.model \(other) is not supported", place: place,
                remedy: "gpt2, llama and t5 are")
        }
        (bosID, eosID) = (try reader.id(metadata.bosID, "bos"), try reader.id(metadata.eosID, "eos"))
        (unkID, padID) = (try reader.id(metadata.unkID, "unknown"), try reader.id(metadata.padID, "padding"))
        chatTemplate = metadata.chatTemplate
    }
}

private struct GGUFTokenizerReader {
    let metadata: GGUFTokenizerMetadata
    let place: String

    /// `tokenizer.ggml.token_type`
    private enum Kind: Int { case normal = 1, unknown, control, userDefined, unused, byte }

    func byteLevel() throws(FormatError) -> Tokenizer {
        let steps: [PreTokenizer.Step]
        switch metadata.pre {
        case "gpt-2": steps = [.split(.gpt2)]
        case "smollm": steps = [.digits(individually: true), .split(.gpt2)]
        case "llama-bpe": steps = [.split(.llama3)]
        case "qwen2": steps = [.split(.qwen2)]
        case let other?:
            throw FormatError(
                .unsupported, "tokenizer.ggml.pre \(other) is not supported", place: place,
                remedy: "gpt-2, smollm, llama-bpe and qwen2 are")
        case nil: throw missing("pre")
        }
        guard let merges = metadata.merges else { throw missing("merges") }
        let vocabulary = try vocabulary()
        let isLlama3 = metadata.pre == "llama-bpe"
        let model = BytePairEncoding(
            vocabulary: vocabulary, merges: try written(merges, vocabulary),
            characters: .bytes(vocabulary.byteLevelTokens, unknown: nil, fusesUnknown: false), ignoresMerges: isLlama3)
        return try tokenizer(
            .bytePair(model), [], steps, [.byteLevel], addBOS: metadata.addBOS ?? isLlama3,
            addEOS: metadata.addEOS ?? false)
    }

    func sentencePieceBPE() throws(FormatError) -> Tokenizer {
        try checkDefaultPre()
        let vocabulary = try vocabulary()
        let merges = if let texts = metadata.merges { try written(texts, vocabulary) } else { try scored(vocabulary) }
        let model = BytePairEncoding(
            vocabulary: vocabulary, merges: merges,
            characters: .codePoints(
                byteTokens: vocabulary.byteTokens, unknown: try id(metadata.unkID, "unknown"), fusesUnknown: true),
            ignoresMerges: false)
        return try tokenizer(
            .bytePair(model), spaceNormalizers, [], spaceDecoder, addBOS: metadata.addBOS ?? true,
            addEOS: metadata.addEOS ?? false)
    }

    func unigram() throws(FormatError) -> Tokenizer {
        try checkDefaultPre()
        let vocabulary = try vocabulary()
        guard let unknown = try id(metadata.unkID, "unknown") else { throw missing("unknown_token_id") }
        let model = Unigram(
            vocabulary: vocabulary, scores: try scores().map(Double.init), unknown: unknown,
            byteFallback: try kinds().contains(.byte))
        var normalizers: [Normalizer] = []
        if let map = metadata.characterMap, !map.isEmpty {
            normalizers = [.characterMap(try CharacterMap(map, place: place))]
        }
        var steps: [PreTokenizer.Step] = []
        var decoder = spaceDecoder
        if metadata.removeExtraWhitespaces ?? false {
            let metaspace = Metaspace(replacement: Self.space, prepend: addsSpace ? .always : .never, splits: true)
            normalizers += [
                .strip(left: false, right: true), .replace(.run(of: UInt8(ascii: " ")), with: Self.space),
            ]
            steps = [.metaspace(metaspace)]
            decoder = [.byteFallback, .metaspace(metaspace)]
        } else {
            normalizers += spaceNormalizers
        }
        return try tokenizer(
            .unigram(model), normalizers, steps, decoder, addBOS: metadata.addBOS ?? false,
            addEOS: metadata.addEOS ?? true)
    }

    private static let space = Array("\u{2581}".utf8)

    private var addsSpace: Bool { metadata.addSpacePrefix ?? true }

    /// ▁ for each space and, as in Llama 2's file, one before each text.
    private var spaceNormalizers: [Normalizer] {
        (addsSpace ? [.prepend(Self.space)] : []) + [.replace(.literal([0x20], atLineStart: false), with: Self.space)]
    }

    private var spaceDecoder: [TokenDecoder.Step] {
        let steps: [TokenDecoder.Step] = [
            .replace(.literal(Self.space, atLineStart: false), with: [0x20]), .byteFallback, .fuse,
        ]
        return addsSpace ? steps + [.strip([0x20], start: 1, stop: 0)] : steps
    }

    private func tokenizer(
        _ model: Tokenizer.Model, _ normalizers: [Normalizer], _ steps: [PreTokenizer.Step],
        _ decoder: [TokenDecoder.Step], addBOS: Bool, addEOS: Bool
    ) throws(FormatError) -> Tokenizer {
        var added: [AddedToken] = []
        for (id, kind) in try kinds().enumerated() where [.unknown, .control, .userDefined].contains(kind) {
            guard !metadata.tokens[id].isEmpty else { continue }
            added.append(AddedToken(id: Int32(id), content: metadata.tokens[id], special: kind != .userDefined))
        }
        var before: [Int32] = []
        var after: [Int32] = []
        if addBOS {
            guard let id = try id(metadata.bosID, "bos") else { throw missing("bos_token_id") }
            before = [id]
        }
        if addEOS {
            guard let id = try id(metadata.eosID, "eos") else { throw missing("eos_token_id") }
            after = [id]
        }
        func around(_ text: Int) -> [PostProcessor.Piece] {
            let type = Int32(text)
            return [.special(ids: before, type: type), .sequence(text, type: type), .special(ids: after, type: type)]
        }
        return Tokenizer(
            model: model, normalizers: normalizers, preTokenizer: PreTokenizer(steps: steps),
            postProcessor: PostProcessor(single: around(0), pair: around(0) + around(1)),
            decoder: TokenDecoder(steps: decoder), added: added, place: place)
    }

    func id(_ id: Int?, _ name: String) throws(FormatError) -> Int32? {
        guard let id else { return nil }
        guard metadata.tokens.indices.contains(id) else {
            throw FormatError(
                .corrupt, "tokenizer.ggml.\(name)_token_id is \(id), but there are \(metadata.tokens.count) tokens",
                place: place)
        }
        return Int32(id)
    }

    private func vocabulary() throws(FormatError) -> Vocabulary {
        guard !metadata.tokens.isEmpty else { throw missing("tokens") }
        var vocabulary = Vocabulary(capacity: metadata.tokens.count)
        let place = "\(place): tokenizer.ggml.tokens"
        for (id, text) in metadata.tokens.enumerated() {
            try vocabulary.add(text, id: id, place: place)
        }
        return vocabulary
    }

    private func kinds() throws(FormatError) -> [Kind] {
        guard let types = metadata.tokenTypes else { throw missing("token_type") }
        try checkCount(types.count, "token_type")
        var kinds: [Kind] = []
        for (id, type) in types.enumerated() {
            guard let kind = Kind(rawValue: type) else {
                throw FormatError(.unsupported, "tokenizer.ggml.token_type \(type) of token \(id)", place: place)
            }
            kinds.append(kind)
        }
        return kinds
    }

    private func scores() throws(FormatError) -> [Float] {
        guard let scores = metadata.scores else { throw missing("scores") }
        try checkCount(scores.count, "scores")
        if let id = scores.firstIndex(where: { !$0.isFinite }) {
            throw FormatError(.corrupt, "tokenizer.ggml.scores of token \(id) is not finite", place: place)
        }
        return scores
    }

    private func written(
        _ texts: [String], _ vocabulary: Vocabulary
    ) throws(FormatError) -> BytePairEncoding.Merges {
        let place = place
        var merges = BytePairEncoding.Merges(capacity: texts.count)
        for (index, text) in texts.enumerated() {
            try merges.add(text, vocabulary, place: "\(place): tokenizer.ggml.merges[\(index)]")
        }
        return merges
    }

    /// SentencePiece keeps no merges: every way to cut a token into two is one, the token of the best score first. Cuts of equal
    /// score go by the ids of their halves, as in published `tokenizer.json` files.
    private func scored(_ vocabulary: Vocabulary) throws(FormatError) -> BytePairEncoding.Merges {
        struct Cut {
            var token: Int32
            var length: Int
            var score: Float
            var halves: UInt64
        }
        let scores = try scores()
        let kinds = try kinds()
        func normal(_ text: ArraySlice<UInt8>) -> Int32? {
            vocabulary.id(of: text.span).flatMap { kinds[Int($0)] == .normal ? $0 : nil }
        }
        var cuts: [Cut] = []
        for token in 0..<Int32(kinds.count) where kinds[Int(token)] == .normal {
            let text = Array(vocabulary.text(of: token)!)
            for length in 1..<max(text.count, 1) where text[length] & 0xC0 != 0x80 {
                guard let left = normal(text[..<length]), let right = normal(text[length...]) else { continue }
                let halves = UInt64(left) << 32 | UInt64(right)
                cuts.append(Cut(token: token, length: length, score: scores[Int(token)], halves: halves))
            }
        }
        // The token's place decides between tokens of equal score.
        cuts.sort { $0.score != $1.score ? $0.score > $1.score : ($0.token, $0.halves) < ($1.token, $1.halves) }
        var merges = BytePairEncoding.Merges(capacity: cuts.count)
        for cut in cuts {
            let text = vocabulary.text(of: cut.token)!
            try merges.add(text.prefix(cut.length), text.dropFirst(cut.length), vocabulary, place: place)
        }
        return merges
    }

    private func checkDefaultPre() throws(FormatError) {
        if let pre = metadata.pre, pre != "default" {
            throw FormatError(
                .unsupported, "tokenizer.ggml.pre \(pre) is not supported with model \(metadata.model)", place: place)
        }
    }

    private func checkCount(_ count: Int, _ key: String) throws(FormatError) {
        guard count == metadata.tokens.count else {
            throw FormatError(
                .corrupt, "tokenizer.ggml.\(key) has \(count) entries for \(metadata.tokens.count) tokens", place: place
            )
        }
    }

    private func missing(_ key: String) -> FormatError {
        FormatError(.missing, "tokenizer.ggml.\(key) is missing", place: place)
    }
}
