import Formats

extension Tokenizer {
    /// The model, and its unknown token.
    static func model(_ field: JSONField, byteLevel: Bool) throws(FormatError) -> (Model, Int32?) {
        switch try field.type() {
        case "BPE":
            let model = try bytePair(field, byteLevel: byteLevel)
            return (.bytePair(model.0), model.1)
        case "Unigram":
            guard !byteLevel else { throw field.unsupported("a Unigram model on ByteLevel words") }
            let model = try unigram(field)
            return (.unigram(model), model.unknown)
        case let other:
            throw field.unsupported("tokenizer model \(other)", "BPE and Unigram are")
        }
    }

    private static func bytePair(
        _ field: JSONField, byteLevel: Bool
    ) throws(FormatError) -> (BytePairEncoding, Int32?) {
        if let dropout = field.optional("dropout"), dropout.value.double != 0 { throw dropout.unsupported("dropout") }
        for key in ["continuing_subword_prefix", "end_of_word_suffix"] {
            if let affix = field.optional(key), try !affix.string().isEmpty { throw affix.unsupported("a \(key)") }
        }
        let vocab = try field.require("vocab")
        let members = try vocab.members()
        var vocabulary = Vocabulary(capacity: members.count)
        let place = "\(vocab.place): \(vocab.path)"
        for member in members {
            guard let id = member.value.int else {
                throw FormatError(.corrupt, "\(vocab.path): the id of \(member.key) is no integer", place: field.place)
            }
            try vocabulary.add(member.key, id: id, place: place)
        }
        var unknown: Int32?
        if let token = field.optional("unk_token") {
            unknown = vocabulary.id(of: try token.string())
            guard unknown != nil else {
                throw FormatError(.corrupt, "\(token.path) is not in the vocabulary", place: field.place)
            }
        }
        let fuses = try field.flag("fuse_unk", absent: false)
        let byteFallback = try field.flag("byte_fallback", absent: false)
        if byteLevel, byteFallback { throw field.unsupported("byte_fallback on ByteLevel words") }
        let model = BytePairEncoding(
            vocabulary: vocabulary, merges: try merges(field.require("merges"), vocabulary),
            characters: byteLevel
                ? .bytes(vocabulary.byteLevelTokens, unknown: unknown, fusesUnknown: fuses)
                : .codePoints(
                    byteTokens: byteFallback ? vocabulary.byteTokens : [], unknown: unknown, fusesUnknown: fuses),
            ignoresMerges: try field.flag("ignore_merges", absent: false))
        return (model, unknown)
    }

    /// Merges as `["a", "b"]` or, in older files, `"a b"`.
    private static func merges(
        _ field: JSONField, _ vocabulary: Vocabulary
    ) throws(FormatError) -> BytePairEncoding.Merges {
        guard let list = field.value.array else { throw field.wrong("a list") }
        var merges = BytePairEncoding.Merges(capacity: list.count)
        for (index, merge) in list.enumerated() {
            var place: String { "\(field.place): \(field.path)[\(index)]" }
            if let text = merge.string {
                try merges.add(text, vocabulary, place: place)
            } else if let pair = merge.array, pair.count == 2, let left = pair[0].string, let right = pair[1].string {
                try merges.add(Array(left.utf8)[...], Array(right.utf8)[...], vocabulary, place: place)
            } else {
                throw FormatError(.corrupt, "a merge is two tokens", place: place)
            }
        }
        return merges
    }

    private static func unigram(_ field: JSONField) throws(FormatError) -> Unigram {
        let vocab = try field.require("vocab")
        guard let list = vocab.value.array else { throw vocab.wrong("a list") }
        var vocabulary = Vocabulary(capacity: list.count)
        var scores: [Double] = []
        let place = "\(vocab.place): \(vocab.path)"
        for (id, entry) in list.enumerated() {
            guard let pair = entry.array, pair.count == 2, let text = pair[0].string, let score = pair[1].double,
                score.isFinite
            else { throw FormatError(.corrupt, "token \(id) is not a text and a score", place: place) }
            try vocabulary.add(text, id: id, place: place)
            scores.append(score)
        }
        guard !list.isEmpty else { throw vocab.wrong("a list of tokens") }
        return Unigram(
            vocabulary: vocabulary, scores: scores,
            unknown: Int32(try field.require("unk_id").int(in: 0...list.count - 1)),
            byteFallback: try field.flag("byte_fallback", absent: false))
    }
}

extension Vocabulary {
    /// The id of each byte's letter in byte-level BPE, -1 where there is none.
    var byteLevelTokens: [Int32] { ByteAlphabet.characters.map { id(of: String($0)) ?? -1 } }

    mutating func add(_ text: String, id: Int, place: @autoclosure () -> String) throws(FormatError) {
        guard let conflict = insert(text, id: id) else { return }
        let message =
            switch conflict {
            case .idOutOfRange: "token \(text) has id \(id), outside 0..<\(Self.maximumID)"
            case .idTaken: "token \(text) has id \(id), which another token has too"
            case .textTaken(let other): "token \(text) is there twice, with ids \(other) and \(id)"
            }
        throw FormatError(.corrupt, message, place: place())
    }
}

extension BytePairEncoding.Merges {
    mutating func add(
        _ left: ArraySlice<UInt8>, _ right: ArraySlice<UInt8>, _ vocabulary: Vocabulary,
        place: @autoclosure () -> String
    ) throws(FormatError) {
        if let fault = append(left.span, right.span, vocabulary) {
            let (left, right) = (String(decoding: left, as: UTF8.self), String(decoding: right, as: UTF8.self))
            throw FormatError(.corrupt, "the merge of \(left) and \(right) \(fault)", place: place())
        }
    }

    /// A merge written as `"a b"`.
    mutating func add(
        _ text: String, _ vocabulary: Vocabulary, place: @autoclosure () -> String
    ) throws(FormatError) {
        let bytes = Array(text.utf8)
        guard let space = bytes.firstIndex(of: 0x20), !bytes[(space + 1)...].contains(0x20) else {
            throw FormatError(.corrupt, "a merge is two tokens with a space between them, not \(text)", place: place())
        }
        try add(bytes[..<space], bytes[(space + 1)...], vocabulary, place: place())
    }
}
