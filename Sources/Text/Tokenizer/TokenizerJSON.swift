import Formats

extension Tokenizer {
    /// Reads `tokenizer.json`.
    ///
    /// `truncation` and `padding` are not looked at: transformers sets both by itself at each call.
    ///
    /// - Parameters:
    ///   - json: the file's document.
    ///   - configuration: the document of `tokenizer_config.json`, which says what BOS, EOS, padding and unknown token are.
    ///   - place: the file, for errors.
    /// - Throws: `FormatError` that names what is missing, wrong or not supported.
    package init(json: JSON, configuration: JSON? = nil, place: String) throws(FormatError) {
        let root = JSONField(value: json, path: "", place: place)
        guard json.members != nil else { throw root.wrong("an object") }
        let normalizers = try Self.normalizers(root.optional("normalizer"))
        let (preTokenizer, byteLevel) = try PreTokenizer.read(root.optional("pre_tokenizer"))
        let (model, unknown) = try Self.model(root.require("model"), byteLevel: byteLevel)
        let added = try Self.addedTokens(root.optional("added_tokens"), model.vocabulary)
        let ids = Set(added.map(\.id))
        let endID = model.vocabulary.endID
        let postProcessor = try PostProcessor.read(root.optional("post_processor")) { id in
            id < endID && model.vocabulary.text(of: id) != nil || ids.contains(id)
        }
        self.init(
            model: model, normalizers: normalizers, preTokenizer: preTokenizer, postProcessor: postProcessor,
            decoder: TokenDecoder(steps: try TokenDecoder.read(root.optional("decoder"))), added: added, place: place)
        unkID = unknown
        guard let configuration else { return }
        let config = JSONField(value: configuration, path: "", place: "\(place) (its tokenizer_config.json)")
        bosID = try specialToken("bos_token", config)
        eosID = try specialToken("eos_token", config)
        padID = try specialToken("pad_token", config)
        unkID = try specialToken("unk_token", config) ?? unkID
        chatTemplate = try Self.chatTemplate(config)
    }

    private static func normalizers(_ field: JSONField?) throws(FormatError) -> [Normalizer] {
        guard let field else { return [] }
        switch try field.type() {
        case "Sequence":
            var all: [Normalizer] = []
            for part in try field.require("normalizers").array() { all += try normalizers(part) }
            return all
        case "NFC": return [.composed]
        case "Prepend": return [.prepend(try field.require("prepend").utf8())]
        case "Strip":
            return [
                .strip(
                    left: try field.flag("strip_left", absent: true), right: try field.flag("strip_right", absent: true)
                )
            ]
        case "Replace":
            return [
                .replace(try ReplacePattern.read(field.require("pattern")), with: try field.require("content").utf8())
            ]
        case "Precompiled":
            let map = try field.require("precompiled_charsmap")
            guard let bytes = decodeBase64(try map.utf8()) else { throw map.wrong("base64") }
            return [.characterMap(try CharacterMap(bytes, place: field.place))]
        case let other:
            throw field.unsupported("normalizer \(other)")
        }
    }

    private static func addedTokens(_ field: JSONField?, _ vocabulary: Vocabulary) throws(FormatError) -> [AddedToken] {
        var tokens: [AddedToken] = []
        var texts = Set<[UInt8]>()
        var nextID = vocabulary.count
        for token in try field?.array() ?? [] {
            let content = try token.require("content").string()
            let id = Int32(try token.require("id").int(in: 0...Vocabulary.maximumID - 1))
            guard !content.isEmpty else { throw try token.require("content").wrong("a text") }
            guard texts.insert(Array(content.utf8)).inserted else {
                throw FormatError(.corrupt, "\(token.path): the token \(content) is there twice", place: token.place)
            }
            // The reference gives a token that the model lacks the next free id, whatever the file says.
            let expected = vocabulary.id(of: content) ?? Int32(nextID)
            guard id == expected else {
                throw FormatError(
                    .corrupt, "\(token.path): the token \(content) has id \(id), but its place is \(expected)",
                    place: token.place)
            }
            guard vocabulary.id(of: content) != nil || vocabulary.text(of: id) == nil else {
                throw FormatError(
                    .corrupt, "\(token.path): the token \(content) has id \(id), which another token has too",
                    place: token.place)
            }
            nextID = max(nextID, Int(id) + 1)
            tokens.append(
                AddedToken(
                    id: id, content: content, special: try token.flag("special", absent: false),
                    stripsLeft: try token.flag("lstrip", absent: false),
                    stripsRight: try token.flag("rstrip", absent: false),
                    singleWord: try token.flag("single_word", absent: false),
                    normalized: try token.flag("normalized", absent: true)))
        }
        return tokens
    }

    private func specialToken(_ key: String, _ config: JSONField) throws(FormatError) -> Int32? {
        guard let field = config.optional(key) else { return nil }
        let content = try (field.optional("content") ?? field).string()
        guard let id = id(of: content) else {
            throw FormatError(.corrupt, "\(key) is \(content), which the vocabulary lacks", place: config.place)
        }
        return id
    }

    /// One template, or of several named ones the one named `default`.
    private static func chatTemplate(_ config: JSONField) throws(FormatError) -> String? {
        guard let field = config.optional("chat_template") else { return nil }
        guard field.value.array != nil else { return try field.string() }
        for named in try field.array() where try named.require("name").string() == "default" {
            return try named.require("template").string()
        }
        return nil
    }
}
