import Formats

// The parts of tokenizer.json around the model: what cuts words, what adds special tokens, what decodes.

extension PreTokenizer {
    /// The steps, and whether the model then works on bytes.
    static func read(_ field: JSONField?) throws(FormatError) -> (PreTokenizer, byteLevel: Bool) {
        guard let field else { return (PreTokenizer(steps: []), false) }
        guard try field.type() == "Sequence" else { return try one(field) }
        var all = PreTokenizer(steps: [])
        var byteLevel = false
        for part in try field.require("pretokenizers").array() {
            guard !byteLevel else { throw part.unsupported("a step after ByteLevel") }
            let step = try one(part)
            all.steps += step.0.steps
            byteLevel = step.byteLevel
        }
        return (all, byteLevel)
    }

    private static func one(_ field: JSONField) throws(FormatError) -> (PreTokenizer, byteLevel: Bool) {
        switch try field.type() {
        case "ByteLevel":
            let space: [Step] = try field.flag("add_prefix_space", absent: true) ? [.leadingSpace] : []
            let split: [Step] = try field.flag("use_regex", absent: true) ? [.split(.gpt2)] : []
            return (PreTokenizer(steps: space + split), true)
        case "Digits":
            return (
                PreTokenizer(steps: [.digits(individually: try field.flag("individual_digits", absent: false))]), false
            )
        case "Metaspace": return (PreTokenizer(steps: [.metaspace(try Metaspace.read(field))]), false)
        case "Split":
            guard try field.require("behavior").string() == "Isolated", try !field.flag("invert", absent: false) else {
                throw field.unsupported("a Split that is not Isolated")
            }
            let pattern = try field.require("pattern")
            let regex = try pattern.require("Regex").string()
            guard let known = SplitPattern(regex: regex) else {
                throw pattern.unsupported("the split pattern \(regex)", "those of GPT-2, Llama 3 and Qwen 2 are")
            }
            return (PreTokenizer(steps: [.split(known)]), false)
        case let other: throw field.unsupported("pre-tokenizer \(other)")
        }
    }
}

extension Metaspace {
    static func read(_ field: JSONField) throws(FormatError) -> Metaspace {
        let replacement = try field.require("replacement").string()
        guard replacement.unicodeScalars.count == 1 else {
            throw try field.require("replacement").wrong("one character")
        }
        let scheme = try field.optional("prepend_scheme")?.string() ?? "always"
        guard let prepend = Prepend(rawValue: scheme) else { throw field.unsupported("prepend_scheme \(scheme)") }
        if try !field.flag("add_prefix_space", absent: true), prepend != .never {
            throw FormatError(
                .corrupt, "\(field.path): add_prefix_space contradicts prepend_scheme", place: field.place)
        }
        return Metaspace(
            replacement: Array(replacement.utf8), prepend: prepend, splits: try field.flag("split", absent: true))
    }
}

extension ReplacePattern {
    static func read(_ field: JSONField) throws(FormatError) -> ReplacePattern {
        if let literal = field.optional("String") {
            let bytes = try literal.utf8()
            guard !bytes.isEmpty else { throw literal.wrong("a text to replace") }
            return .literal(bytes, atLineStart: false)
        }
        let regex = try field.require("Regex").string()
        guard let pattern = ReplacePattern(regex: regex) else { throw field.unsupported("the pattern \(regex)") }
        return pattern
    }
}

extension PostProcessor {
    static func read(_ field: JSONField?, isToken: (Int32) -> Bool) throws(FormatError) -> PostProcessor {
        guard let field else { return .none }
        switch try field.type() {
        case "ByteLevel": return .none  // It moves offsets, never ids.
        case "TemplateProcessing":
            let special = try specialTokens(field.require("special_tokens"), isToken: isToken)
            let single = try template(field.require("single"), special, texts: 1)
            return PostProcessor(single: single, pair: try template(field.require("pair"), special, texts: 2))
        case "Sequence":
            var result: PostProcessor?
            for part in try field.require("processors").array() where try part.type() != "ByteLevel" {
                guard result == nil else { throw part.unsupported("a second post-processor") }
                result = try read(part, isToken: isToken)
            }
            return result ?? .none
        case let other: throw field.unsupported("post-processor \(other)")
        }
    }

    private static func specialTokens(
        _ field: JSONField, isToken: (Int32) -> Bool
    ) throws(FormatError) -> [String: [Int32]] {
        var special: [String: [Int32]] = [:]
        for member in try field.members() {
            let entry = JSONField(value: member.value, path: "\(field.path).\(member.key)", place: field.place)
            var ids: [Int32] = []
            for number in try entry.require("ids").array() {
                let id = Int32(try number.int(in: 0...Vocabulary.maximumID - 1))
                guard isToken(id) else { throw number.wrong("an id of the vocabulary, but \(id)") }
                ids.append(id)
            }
            special[member.key] = ids
        }
        return special
    }

    private static func template(
        _ field: JSONField, _ special: [String: [Int32]], texts: Int
    ) throws(FormatError) -> [Piece] {
        var pieces: [Piece] = []
        for piece in try field.array() {
            let isSpecial = piece.optional("SpecialToken") != nil
            let inner = try piece.require(isSpecial ? "SpecialToken" : "Sequence")
            let type = Int32(try inner.require("type_id").int(in: 0...Int(Int32.max)))
            let name = try inner.require("id").string()
            if isSpecial {
                guard let ids = special[name] else { throw inner.wrong("among special_tokens: \(name)") }
                pieces.append(.special(ids: ids, type: type))
            } else {
                guard let index = ["A", "B"].prefix(texts).firstIndex(of: name) else {
                    throw inner.wrong("one of \(texts) text(s): \(name)")
                }
                pieces.append(.sequence(index, type: type))
            }
        }
        return pieces
    }
}

extension TokenDecoder {
    /// Nil where the file has no decoder.
    static func read(_ field: JSONField?) throws(FormatError) -> [Step]? {
        guard let field else { return nil }
        switch try field.type() {
        case "Sequence":
            var all: [Step] = []
            for part in try field.require("decoders").array() { all += try read(part) ?? [] }
            return all
        case "ByteLevel": return [.byteLevel]
        case "ByteFallback": return [.byteFallback]
        case "Fuse": return [.fuse]
        case "Strip":
            let content = try field.require("content")
            guard try content.string().unicodeScalars.count == 1 else { throw content.wrong("one character") }
            return [
                .strip(
                    try content.utf8(), start: try field.require("start").int(in: 0...Int(Int32.max)),
                    stop: try field.require("stop").int(in: 0...Int(Int32.max)))
            ]
        case "Replace":
            return [
                .replace(try ReplacePattern.read(field.require("pattern")), with: try field.require("content").utf8())
            ]
        case "Metaspace": return [.metaspace(try Metaspace.read(field))]
        case let other: throw field.unsupported("decoder \(other)")
        }
    }
}
