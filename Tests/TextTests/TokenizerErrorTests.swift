import Formats
import Foundation
import Testing
import Text

/// Files that are broken, hostile or of kinds that are not implemented: one error that names the thing.
@Suite struct TokenizerErrorTests {
    /// A whole, tiny byte-level tokenizer; each case breaks one part of it.
    static let parts = [
        "added_tokens": #"[{"id": 4, "content": "<s>", "special": true}]"#,
        "normalizer": "null",
        "pre_tokenizer": #"{"type": "ByteLevel", "add_prefix_space": false}"#,
        "post_processor": #"""
        {"type": "TemplateProcessing", "single": [{"Sequence": {"id": "A", "type_id": 0}}],
         "pair": [{"Sequence": {"id": "A", "type_id": 0}}, {"Sequence": {"id": "B", "type_id": 1}}],
         "special_tokens": {"<s>": {"id": "<s>", "ids": [4], "tokens": ["<s>"]}}}
        """#,
        "decoder": #"{"type": "ByteLevel"}"#,
        "model": #"{"type": "BPE", "vocab": {"a": 0, "b": 1, "ab": 2, "c": 3}, "merges": [["a", "b"]]}"#,
    ]

    static func load(_ key: String = "", _ value: String = "", configuration: String? = nil) throws -> Tokenizer {
        var parts = parts
        parts[key] = key.isEmpty ? nil : value
        let text = "{" + parts.map { "\"\($0)\": \($1)" }.joined(separator: ",") + "}"
        return try Tokenizer(
            json: JSON.parse(text.utf8, place: "t"),
            configuration: configuration.map { try JSON.parse($0.utf8, place: "t") }, place: "tokenizer.json")
    }

    @Test func theWholeFileLoads() throws {
        let tokenizer = try Self.load(configuration: #"{"bos_token": {"content": "<s>"}, "eos_token": "c"}"#)
        #expect(tokenizer.encode("abc<s>a", addSpecialTokens: true) == [2, 3, 4, 0])
        #expect(tokenizer.vocabularySize == 5)
        #expect((tokenizer.bosID, tokenizer.eosID, tokenizer.padID) == (4, 3, nil))
    }

    static let broken: [(key: String, value: String, code: FormatError.Code, names: String)] = [
        ("model", "null", .missing, "model"),
        ("model", "[]", .missing, "model.type"),
        ("model", #"{"type": 1}"#, .corrupt, "model.type"),
        ("model", #"{"type": "BPE", "merges": []}"#, .missing, "model.vocab"),
        ("model", #"{"type": "BPE", "vocab": {}}"#, .missing, "model.merges"),
        ("model", #"{"type": "BPE", "vocab": [], "merges": []}"#, .corrupt, "model.vocab"),
        ("model", #"{"type": "BPE", "vocab": {"a": "0"}, "merges": []}"#, .corrupt, "a"),
        ("model", #"{"type": "BPE", "vocab": {"a": -1}, "merges": []}"#, .corrupt, "-1"),
        ("model", #"{"type": "BPE", "vocab": {"a": 4000000000}, "merges": []}"#, .corrupt, "4000000000"),
        ("model", #"{"type": "BPE", "vocab": {"a": 0, "b": 0}, "merges": []}"#, .corrupt, "id 0"),
        ("model", #"{"type": "BPE", "vocab": {"a": 0, "a": 1}, "merges": []}"#, .corrupt, "twice"),
        ("model", #"{"type": "BPE", "vocab": {"a": 0}, "merges": [["a", "zz"]]}"#, .corrupt, "zz"),
        ("model", #"{"type": "BPE", "vocab": {"a": 0, "aa": 1}, "merges": ["a a", "a a"]}"#, .corrupt, "twice"),
        ("model", #"{"type": "BPE", "vocab": {"a": 0}, "merges": ["a"]}"#, .corrupt, "merges[0]"),
        ("model", #"{"type": "BPE", "vocab": {"a": 0}, "merges": [["a"]]}"#, .corrupt, "merges[0]"),
        ("model", #"{"type": "BPE", "vocab": {"a": 0}, "merges": [], "unk_token": "u"}"#, .corrupt, "unk_token"),
        ("model", #"{"type": "BPE", "vocab": {"a": 0}, "merges": [], "dropout": 0.1}"#, .unsupported, "dropout"),
        (
            "model", #"{"type": "BPE", "vocab": {"a": 0}, "merges": [], "byte_fallback": true}"#, .unsupported,
            "fallback"
        ),
        ("model", #"{"type": "BPE", "vocab": {"a": 0}, "merges": [], "ignore_merges": 1}"#, .corrupt, "ignore_merges"),
        ("model", #"{"type": "WordLevel", "vocab": {}}"#, .unsupported, "WordLevel"),
        ("added_tokens", #"[{"id": 0, "content": "a"}, {"id": 0, "content": "a"}]"#, .corrupt, "twice"),
        ("added_tokens", #"[{"id": 9, "content": "<s>"}]"#, .corrupt, "9"),
        ("added_tokens", #"[{"id": 0, "content": "<s>"}]"#, .corrupt, "<s>"),
        ("added_tokens", #"[{"id": 4}]"#, .missing, "content"),
        ("added_tokens", #"[{"id": 4, "content": "<s>", "lstrip": "yes"}]"#, .corrupt, "lstrip"),
        ("added_tokens", #"{"a": 1}"#, .corrupt, "added_tokens"),
        ("normalizer", #"{"type": "NFKC"}"#, .unsupported, "NFKC"),
        ("normalizer", #"{"type": "Replace", "pattern": {"Regex": "a+"}, "content": ""}"#, .unsupported, "a+"),
        ("normalizer", #"{"type": "Precompiled", "precompiled_charsmap": "****"}"#, .corrupt, "base64"),
        ("normalizer", #"{"type": "Precompiled", "precompiled_charsmap": "AAAA"}"#, .truncated, "map"),
        ("normalizer", #"{"type": "Precompiled", "precompiled_charsmap": "/////wAAAAA="}"#, .corrupt, "map"),
        ("normalizer", #"{"type": "Precompiled", "precompiled_charsmap": "BAAAAP////8="}"#, .corrupt, "map"),
        ("pre_tokenizer", #"{"type": "Whitespace"}"#, .unsupported, "Whitespace"),
        (
            "pre_tokenizer", #"{"type": "Split", "pattern": {"Regex": "\\w+"}, "behavior": "Isolated"}"#, .unsupported,
            #"\w+"#
        ),
        (
            "pre_tokenizer", #"{"type": "Sequence", "pretokenizers": [{"type": "ByteLevel"}, {"type": "Digits"}]}"#,
            .unsupported, "ByteLevel"
        ),
        ("post_processor", #"{"type": "BertProcessing"}"#, .unsupported, "BertProcessing"),
        (
            "post_processor",
            #"{"type": "TemplateProcessing", "single": [], "pair": [], "special_tokens": {"x": {"ids": [77]}}}"#,
            .corrupt, "77"
        ),
        (
            "post_processor",
            #"""
            {"type": "TemplateProcessing", "single": [{"Sequence": {"id": "B", "type_id": 0}}], "pair": [],
             "special_tokens": {}}
            """#, .corrupt, "B"
        ),
        ("decoder", #"{"type": "CTC"}"#, .unsupported, "CTC"),
        ("decoder", #"{"type": "Strip", "content": " ", "start": -1, "stop": 0}"#, .corrupt, "decoder.start"),
    ]

    @Test(arguments: broken.indices) func brokenJSON(_ index: Int) throws {
        let (key, value, code, names) = Self.broken[index]
        let error = #expect(throws: FormatError.self) { try Self.load(key, value) }
        #expect(error?.code == code, "\(value): \(String(describing: error))")
        #expect(error?.description.contains(names) == true, "\(value): \(String(describing: error))")
    }

    @Test(arguments: [
        (#"{"type": "Unigram", "vocab": [], "unk_id": 0}"#, "vocab"),
        (#"{"type": "Unigram", "vocab": [["a", 0.0]], "unk_id": 1}"#, "unk_id"),
        (#"{"type": "Unigram", "vocab": [["a", 0.0]]}"#, "unk_id"),
        (#"{"type": "Unigram", "vocab": [["a", NaN]], "unk_id": 0}"#, "token 0"),
        (#"{"type": "Unigram", "vocab": [["a", 0.0], ["a", 1.0]], "unk_id": 0}"#, "twice"),
        (#"{"type": "Unigram", "vocab": [["a"]], "unk_id": 0}"#, "token 0"),
    ])
    func brokenUnigram(_ model: String, _ names: String) {
        let json = "{\"model\": \(model)}"
        let error = #expect(throws: FormatError.self) {
            try Tokenizer(json: JSON.parse(json.utf8, place: "t"), place: "tokenizer.json")
        }
        #expect(error?.description.contains(names) == true, "\(String(describing: error))")
    }

    @Test func anyPartMayBeMissingOrOfAnotherType() {
        for key in Self.parts.keys {
            for value in ["null", "1", "\"x\"", "[1]", "{}", "{\"type\": \"Sequence\"}", "{\"type\": null}"] {
                // Either it loads or it is refused; nothing traps.
                do { _ = try Self.load(key, value) } catch { #expect(error is FormatError) }
            }
        }
    }

    @Test func wordPieceIsNamed() {
        let path = "tokenizers/wordpiece-bert/tokenizer.json"
        let error = #expect(throws: FormatError.self) { try Tokenizer(json: Fixtures.json(path), place: path) }
        #expect(error?.code == .unsupported)
    }

    @Test func specialTokenOutsideTheVocabularyIsNamed() {
        let error = #expect(throws: FormatError.self) {
            try Self.load(configuration: #"{"pad_token": "<nowhere>"}"#)
        }
        #expect(error?.message.contains("<nowhere>") == true)
    }

    @Test func idsOutsideTheVocabularyAreNamed() throws {
        let tokenizer = try Self.load()
        for id in [Int32.min, -1, 5, Int32.max] {
            let error = #expect(throws: FormatError.self) { try tokenizer.decode([0, id], skipSpecialTokens: false) }
            #expect(error?.message.contains("\(id)") == true)
            #expect(throws: FormatError.self) { try tokenizer.check([id]) }
        }
        try tokenizer.check(0..<5)
    }

    static let brokenMetadata: [(String, FormatError.Code, @Sendable (inout GGUFTokenizerMetadata) -> Void)] = [
        ("bert", .unsupported, { $0.model = "bert" }),
        ("tekken", .unsupported, { $0.pre = "tekken" }),
        ("tokenizer.ggml.pre", .missing, { $0.pre = nil }),
        ("tokenizer.ggml.tokens", .missing, { $0.tokens = [] }),
        ("twice", .corrupt, { $0.tokens[1] = "a" }),
        ("tokenizer.ggml.merges", .missing, { $0.merges = nil }),
        ("tokenizer.ggml.merges[0]", .corrupt, { $0.merges = ["a zz"] }),
        ("tokenizer.ggml.merges[0]", .corrupt, { $0.merges = ["ab"] }),
        ("tokenizer.ggml.merges[0]", .corrupt, { $0.merges = ["a b "] }),
        ("tokenizer.ggml.token_type", .missing, { $0.tokenTypes = nil }),
        ("tokenizer.ggml.token_type", .corrupt, { $0.tokenTypes = [1] }),
        ("token_type 9", .unsupported, { $0.tokenTypes?[2] = 9 }),
        ("bos_token_id is 4", .corrupt, { $0.bosID = 4 }),
        ("eos_token_id is -1", .corrupt, { $0.eosID = -1 }),
        ("bos_token_id", .missing, { $0.addBOS = true }),
        ("smollm", .unsupported, { $0.model = "llama" }),
        ("tokenizer.ggml.scores", .missing, { ($0.model, $0.pre, $0.unkID) = ("t5", nil, 0) }),
        ("unknown_token_id", .missing, { ($0.model, $0.pre) = ("t5", "default") }),
    ]

    @Test(arguments: brokenMetadata.indices) func brokenGGUF(_ index: Int) throws {
        let (names, code, change) = Self.brokenMetadata[index]
        var metadata = GGUFTokenizerMetadata(model: "gpt2", tokens: ["a", "b", "ab", "<s>"])
        metadata.pre = "smollm"
        metadata.tokenTypes = [1, 1, 1, 3]
        metadata.merges = ["a b"]
        #expect(try Tokenizer(gguf: metadata, place: "x.gguf").encode("ab<s>b", addSpecialTokens: true) == [2, 3, 1])
        change(&metadata)
        let broken = metadata
        let error = #expect(throws: FormatError.self) { try Tokenizer(gguf: broken, place: "x.gguf") }
        #expect(error?.code == code, "\(String(describing: error))")
        #expect(error?.message.contains(names) == true || error?.place.contains(names) == true)
    }
}
