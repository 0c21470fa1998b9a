import Formats

/// Text to token ids and back, as Hugging Face's `tokenizers` does it. Immutable, so threads may share one.
///
/// A text passes: added tokens cut out → normalizers → added tokens in normalised form → words → model → special tokens
/// around. Everything works on UTF-8 and code points, never on Swift's characters, which join what a tokenizer keeps apart.
package struct Tokenizer: Sendable {
    enum Model: Sendable {
        case bytePair(BytePairEncoding)
        case unigram(Unigram)

        var vocabulary: Vocabulary {
            switch self {
            case .bytePair(let model): model.vocabulary
            case .unigram(let model): model.vocabulary
            }
        }
    }

    let model: Model
    let normalizers: [Normalizer]
    let preTokenizer: PreTokenizer
    let postProcessor: PostProcessor
    let decoder: TokenDecoder
    let added: AddedTokens

    /// The file, for errors.
    package let place: String
    /// One more than the largest id.
    package let vocabularySize: Int
    package internal(set) var bosID: Int32?
    package internal(set) var eosID: Int32?
    package internal(set) var padID: Int32?
    package internal(set) var unkID: Int32?
    /// The Jinja template that turns messages into text, where the file has one.
    package internal(set) var chatTemplate: String?

    init(
        model: Model, normalizers: [Normalizer], preTokenizer: PreTokenizer, postProcessor: PostProcessor,
        decoder: TokenDecoder, added: [AddedToken], place: String
    ) {
        self.model = model
        self.normalizers = normalizers
        self.preTokenizer = preTokenizer
        self.postProcessor = postProcessor
        self.decoder = decoder
        self.added = AddedTokens(added) { content in normalizers.reduce(content) { $1.apply($0) } }
        self.place = place
        vocabularySize = max(model.vocabulary.endID, added.map { Int($0.id) + 1 }.max() ?? 0)
    }

    /// The ids of a text; with `addSpecialTokens` those that the file puts around it (BOS, EOS) are there too.
    package func encode(_ text: String, addSpecialTokens: Bool) -> [Int32] {
        postProcessor.apply([ids(of: text)], addSpecialTokens: addSpecialTokens).ids
    }

    /// The ids of a text with the special ones around it, `limit` at most: of a longer one the text itself is cut.
    ///
    /// - Returns: the ids, and how many there would be without a limit.
    package func encode(_ text: String, limit: Int) -> (ids: [Int32], count: Int) {
        let all = ids(of: text)
        let kept = Array(all.prefix(max(limit - postProcessor.specialCount, 0)))
        return (
            Array(postProcessor.apply([kept], addSpecialTokens: true).ids.prefix(limit)),
            all.count + postProcessor.specialCount
        )
    }

    /// The ids of a text that something follows: the special ones in front of it (BOS) only.
    package func encode(beginning text: String) -> [Int32] { postProcessor.leading + ids(of: text) }

    /// Two texts as one row.
    package func encode(_ first: String, pair second: String, addSpecialTokens: Bool) -> TokenPair {
        postProcessor.apply([ids(of: first), ids(of: second)], addSpecialTokens: addSpecialTokens)
    }

    /// The text of some ids. Bytes that are not UTF-8 become U+FFFD.
    ///
    /// - Throws: `FormatError` that names an id outside the vocabulary.
    package func decode(_ ids: [Int32], skipSpecialTokens: Bool) throws(FormatError) -> String {
        var tokens: [[UInt8]] = []
        for id in ids {
            let text = try bytes(of: id)
            if skipSpecialTokens, added[id]?.special == true { continue }
            tokens.append(text)
        }
        return decoder.decode(tokens)
    }

    /// The token as the file writes it (`Ġthe`, `▁the`, `<0x0A>`).
    package func token(_ id: Int32) throws(FormatError) -> String {
        String(decoding: try bytes(of: id), as: UTF8.self)
    }

    /// The id of a token as the file writes it, or nil.
    package func id(of token: String) -> Int32? {
        model.vocabulary.id(of: token) ?? added.tokens.first { $0.content.utf8.elementsEqual(token.utf8) }?.id
    }

    package func isSpecial(_ id: Int32) -> Bool { added[id]?.special == true }

    /// - Throws: `FormatError` that names the first id outside the vocabulary.
    package func check(_ ids: some Sequence<Int32>) throws(FormatError) {
        for id in ids { _ = try bytes(of: id) }
    }

    private func bytes(of id: Int32) throws(FormatError) -> [UInt8] {
        if let token = added[id] { return Array(token.content.utf8) }
        guard let text = model.vocabulary.text(of: id) else {
            throw FormatError(
                .corrupt, "token id \(id) is not in the vocabulary of \(vocabularySize) tokens", place: place)
        }
        return Array(text)
    }

    private func ids(of text: String) -> [Int32] {
        let bytes = Array(text.utf8)
        var ids: [Int32] = []
        ids.reserveCapacity(bytes.count / 3)
        var scratch = BytePairEncoding.Scratch()
        for section in added.sections(of: bytes, normalized: false) {
            switch section {
            case .token(let id): ids.append(id)
            case .text(let range):
                let part = normalizers.reduce(Array(bytes[range])) { $1.apply($0) }
                for section in added.sections(of: part, normalized: true) {
                    switch section {
                    case .token(let id): ids.append(id)
                    case .text(let inner):
                        let startsText = range.lowerBound == 0 && inner.lowerBound == 0
                        var words = Words(Array(part[inner]), startsText: startsText)
                        preTokenizer.apply(&words)
                        encode(words, into: &ids, &scratch)
                    }
                }
            }
        }
        return ids
    }

    private func encode(_ words: Words, into ids: inout [Int32], _ scratch: inout BytePairEncoding.Scratch) {
        var start = 0
        for end in words.ends {
            switch model {
            case .bytePair(let model): model.encode(words.text, start..<end, into: &ids, &scratch)
            case .unigram(let model): model.encode(words.text, start..<end, into: &ids)
            }
            start = end
        }
    }
}

extension Tokenizer {
    /// Says which token ends a text, where the tokenizer's own files do not.
    ///
    /// - Throws: `FormatError` where there is no such token.
    package mutating func end(with id: Int32) throws(FormatError) {
        try check([id])
        eosID = id
    }
}
