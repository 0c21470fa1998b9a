import Formats

extension Tokenizer {
    /// The document of a `tokenizer.json` that reads back as this tokenizer.
    package var json: JSON {
        let isByteLevel = if case .bytePair(let model) = model, case .bytes = model.characters { true } else { false }
        return [
            "version": "1.0", "truncation": .null, "padding": .null,
            "added_tokens": .array(added.tokens.sorted { $0.id < $1.id }.map(\.json)),
            "normalizer": JSON.sequence(normalizers.map(\.json), "normalizers"),
            "pre_tokenizer": JSON.sequence(preTokenizer.json(isByteLevel: isByteLevel), "pretokenizers"),
            "post_processor": postProcessor.json { token(of: $0) },
            "decoder": decoder.steps.map { JSON.sequence($0.map(\.json), "decoders") } ?? .null,
            "model": model.json,
        ]
    }

    /// The document of the `tokenizer_config.json` beside it.
    ///
    /// - Parameter context: tokens that the model reads at most.
    package func configuration(context: Int) -> JSON {
        func name(_ id: Int32?) -> JSON { id.map { .string(token(of: $0)) } ?? .null }
        return [
            "tokenizer_class": "PreTrainedTokenizerFast", "model_max_length": .integer(Int64(context)),
            "clean_up_tokenization_spaces": false, "bos_token": name(bosID), "eos_token": name(eosID),
            "pad_token": name(padID), "unk_token": name(unkID),
            "chat_template": chatTemplate.map(JSON.string) ?? .null,
        ]
    }

    private func token(of id: Int32) -> String { (try? token(id)) ?? "" }
}

extension JSON {
    fileprivate static func utf8(_ bytes: some Sequence<UInt8>) -> JSON {
        .string(String(decoding: Array(bytes), as: UTF8.self))
    }

    /// null, the one part, or a Sequence of them.
    fileprivate static func sequence(_ parts: [JSON], _ name: String) -> JSON {
        parts.count < 2 ? parts.first ?? .null : .object([.init("type", "Sequence"), .init(name, .array(parts))])
    }
}

extension AddedToken {
    fileprivate var json: JSON {
        [
            "id": .integer(Int64(id)), "content": .string(content), "single_word": .bool(singleWord),
            "lstrip": .bool(stripsLeft), "rstrip": .bool(stripsRight), "normalized": .bool(normalized),
            "special": .bool(special),
        ]
    }
}

extension Tokenizer.Model {
    fileprivate var json: JSON {
        switch self {
        case .bytePair(let model): model.json
        case .unigram(let model): model.json
        }
    }
}

extension BytePairEncoding {
    fileprivate var json: JSON {
        let unknownToken: Int32?
        let fusesUnknown: Bool
        let fallsBack: Bool
        switch characters {
        case .bytes(_, let unknown, let fuses): (unknownToken, fusesUnknown, fallsBack) = (unknown, fuses, false)
        case .codePoints(let bytes, let unknown, let fuses):
            (unknownToken, fusesUnknown, fallsBack) = (unknown, fuses, !bytes.isEmpty)
        }
        let ids = (0..<Int32(vocabulary.endID)).compactMap { id in vocabulary.text(of: id).map { (id, $0) } }
        func text(_ id: Int32) -> JSON { .utf8(vocabulary.text(of: id) ?? []) }
        return [
            "type": "BPE", "dropout": .null, "unk_token": unknownToken.map(text) ?? .null,
            "continuing_subword_prefix": .null, "end_of_word_suffix": .null, "fuse_unk": .bool(fusesUnknown),
            "byte_fallback": .bool(fallsBack), "ignore_merges": .bool(ignoresMerges),
            "vocab": .object(ids.map { .init(String(decoding: $1, as: UTF8.self), .integer(Int64($0))) }),
            "merges": .array(merges.pairs.map { .array([text($0.left), text($0.right)]) }),
        ]
    }
}

extension Unigram {
    fileprivate var json: JSON {
        let entries = scores.indices.map { id -> JSON in
            .array([.utf8(vocabulary.text(of: Int32(id)) ?? []), .number(scores[id])])
        }
        return [
            "type": "Unigram", "unk_id": .integer(Int64(unknown)), "byte_fallback": .bool(!byteTokens.isEmpty),
            "vocab": .array(entries),
        ]
    }
}

extension ReplacePattern {
    fileprivate var json: JSON {
        switch self {
        case .literal(let text, atLineStart: false): return ["String": .utf8(text)]
        case .literal(let text, atLineStart: true):
            let escaped = text.flatMap { $0 == 0x0A ? Array("\\n".utf8) : [$0] }
            return ["Regex": .utf8([UInt8(ascii: "^")] + escaped)]
        case .run(let byte): return ["Regex": .utf8([byte] + Array("{2,}".utf8))]
        }
    }
}

extension Normalizer {
    fileprivate var json: JSON {
        switch self {
        case .composed: ["type": "NFC"]
        case .prepend(let text): ["type": "Prepend", "prepend": .utf8(text)]
        case .replace(let pattern, let content):
            ["type": "Replace", "pattern": pattern.json, "content": .utf8(content)]
        case .strip(let left, let right):
            ["type": "Strip", "strip_left": .bool(left), "strip_right": .bool(right)]
        case .characterMap(let map): ["type": "Precompiled", "precompiled_charsmap": .utf8(encodeBase64(map.bytes))]
        }
    }
}

extension Metaspace {
    fileprivate var json: JSON {
        [
            "type": "Metaspace", "replacement": .utf8(replacement), "prepend_scheme": .string(prepend.rawValue),
            "split": .bool(splits),
        ]
    }
}

extension PreTokenizer {
    /// - Parameter isByteLevel: whether the model works on bytes, which the last step then says.
    fileprivate func json(isByteLevel: Bool) -> [JSON] {
        var steps = steps[...]
        var addsSpace = false
        var splits = false
        if isByteLevel {
            if case .split(.gpt2) = steps.last {
                splits = true
                steps = steps.dropLast()
            }
            if case .leadingSpace = steps.last {
                addsSpace = true
                steps = steps.dropLast()
            }
        }
        let last: [JSON] =
            isByteLevel
            ? [
                [
                    "type": "ByteLevel", "add_prefix_space": .bool(addsSpace), "trim_offsets": true,
                    "use_regex": .bool(splits),
                ]
            ] : []
        return steps.map { step -> JSON in
            switch step {
            case .split(let pattern):
                [
                    "type": "Split", "pattern": ["Regex": .string(pattern.regex)], "behavior": "Isolated",
                    "invert": false,
                ]
            case .digits(let individually): ["type": "Digits", "individual_digits": .bool(individually)]
            // Of a ByteLevel step that is not the last, which no file has.
            case .leadingSpace: ["type": "ByteLevel", "add_prefix_space": true, "use_regex": false]
            case .metaspace(let metaspace): metaspace.json
            }
        } + last
    }
}

extension PostProcessor {
    fileprivate func json(token: (Int32) -> String) -> JSON {
        var special: [String: JSON] = [:]
        func pieces(_ all: [Piece]) -> JSON {
            .array(
                all.compactMap { piece -> JSON? in
                    switch piece {
                    case .special(let ids, let type):
                        guard let first = ids.first else { return nil }
                        let name = token(first)
                        special[name] = [
                            "id": .string(name), "ids": .array(ids.map { .integer(Int64($0)) }),
                            "tokens": .array(ids.map { .string(token($0)) }),
                        ]
                        return ["SpecialToken": ["id": .string(name), "type_id": .integer(Int64(type))]]
                    case .sequence(let text, let type):
                        return ["Sequence": ["id": text == 0 ? "A" : "B", "type_id": .integer(Int64(type))]]
                    }
                })
        }
        let (single, pair) = (pieces(single), pieces(pair))
        return [
            "type": "TemplateProcessing", "single": single, "pair": pair,
            "special_tokens": .object(special.sorted { $0.key < $1.key }.map { .init($0.key, $0.value) }),
        ]
    }
}

extension TokenDecoder.Step {
    fileprivate var json: JSON {
        switch self {
        case .byteLevel: ["type": "ByteLevel", "add_prefix_space": true, "trim_offsets": true, "use_regex": true]
        case .byteFallback: ["type": "ByteFallback"]
        case .fuse: ["type": "Fuse"]
        case .strip(let content, let start, let stop):
            [
                "type": "Strip", "content": .utf8(content), "start": .integer(Int64(start)),
                "stop": .integer(Int64(stop)),
            ]
        case .replace(let pattern, let content):
            ["type": "Replace", "pattern": pattern.json, "content": .utf8(content)]
        case .metaspace(let metaspace): metaspace.json
        }
    }
}
