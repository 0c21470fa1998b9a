import Formats
import Foundation
import Testing
import Text

/// Ids and texts that Hugging Face's tokenizers give, equal in every one.
@Suite struct TokenizerParityTests {
    static let folders = [
        "bpe-gpt2", "bpe-llama3", "bpe-qwen2", "bpe-smollm", "spm-bpe-llama", "spm-unigram-identity",
        "spm-unigram-nfkc",
    ]
    static let ggufFolders = folders.filter { $0 != "spm-unigram-nfkc" }

    static func json(_ folder: String) throws -> Tokenizer {
        try Tokenizer(json: Fixtures.json("tokenizers/\(folder)/tokenizer.json"), place: "\(folder)/tokenizer.json")
    }

    static func gguf(_ folder: String) throws -> Tokenizer {
        let path = "tokenizers/\(folder)/tokenizer.gguf"
        return try Tokenizer(
            gguf: GGUFMetadataReader.tokenizer(Fixtures.root.appending(path: path)), place: path)
    }

    /// The document that is written of a tokenizer, read again.
    static func written(_ tokenizer: Tokenizer) throws -> Tokenizer {
        let text = tokenizer.json.text(indent: 2)
        return try Tokenizer(
            json: JSON.parse(text.utf8, place: "written"), configuration: tokenizer.configuration(context: 8),
            place: "written")
    }

    @Test(arguments: folders, [false, true]) func tokenizerJSON(_ folder: String, _ isWritten: Bool) throws {
        let original = try Self.json(folder)
        let tokenizer = isWritten ? try Self.written(original) : original
        for line in try Fixtures.lines("tokenizers/\(folder)/expected.jsonl") {
            let text = try #require(line["text"]?.string)
            let ids = try #require(line["ids"]?.ids)
            let special = line["ids_special"]?.ids ?? ids
            #expect(tokenizer.encode(text, addSpecialTokens: false) == ids, "\(text.debugDescription)")
            #expect(tokenizer.encode(text, addSpecialTokens: true) == special, "\(text.debugDescription)")
            let decoded = try #require(line["decoded"]?.string)
            try expectSame(tokenizer.decode(ids, skipSpecialTokens: false), decoded)
            try expectSame(tokenizer.decode(special, skipSpecialTokens: true), line["decoded_skip"]?.string ?? decoded)
        }
    }

    @Test(arguments: ggufFolders) func gguf(_ folder: String) throws {
        let tokenizer = try Self.gguf(folder)
        for line in try Fixtures.lines("tokenizers/\(folder)/expected.jsonl") {
            let text = try #require(line["text"]?.string)
            let ids = try #require(line["ids"]?.ids)
            let plain = line["gguf_ids"]?.ids ?? ids
            #expect(tokenizer.encode(text, addSpecialTokens: false) == plain, "\(text.debugDescription)")
            // What is put before the ids is the same, whatever they are.
            let before = (line["ids_special"]?.ids ?? ids).dropLast(ids.count)
            #expect(tokenizer.encode(text, addSpecialTokens: true) == before + plain, "\(text.debugDescription)")
            try expectSame(tokenizer.decode(ids, skipSpecialTokens: false), try #require(line["decoded"]?.string))
        }
    }

    /// A GGUF file's tokenizer as tokenizer.json, and a tokenizer.json's in a GGUF file.
    @Test(arguments: ggufFolders) func fromOneFormToTheOther(_ folder: String) throws {
        let gguf = try Self.gguf(folder)
        var pairs = [(gguf, try Self.written(gguf))]
        let json = try Self.json(folder)
        if folder == "spm-unigram-identity" {
            #expect(throws: FormatError.self) { try json.ggufMetadata() }
        } else {
            let file = FileManager.default.temporaryDirectory.appending(path: UUID().uuidString)
            defer { try? FileManager.default.removeItem(at: file) }
            try GGUFWriter.write(json.ggufMetadata(), [], to: file.path)
            let again = try Tokenizer(gguf: GGUFMetadataReader.tokenizer(file), place: folder)
            pairs += [(json, again), (gguf, again)]
        }
        for (number, (a, b)) in pairs.enumerated() {
            #expect([a.bosID, a.eosID, a.unkID] == [b.bosID, b.eosID, b.unkID] || number > 0)
            for line in try Fixtures.lines("tokenizers/\(folder)/expected.jsonl") {
                // Where a GGUF file's ids are others, it cannot say what the tokenizer does.
                if number == 1, line["gguf_ids"] != nil { continue }
                let text = try #require(line["text"]?.string)
                let ids = a.encode(text, addSpecialTokens: false)
                #expect(b.encode(text, addSpecialTokens: false) == ids, "\(number): \(text.debugDescription)")
                #expect(
                    b.encode(text, addSpecialTokens: true) == a.encode(text, addSpecialTokens: true) || number == 2)
                // The two files do not call the same tokens special.
                let skips = number < 2
                try expectSame(b.decode(ids, skipSpecialTokens: skips), a.decode(ids, skipSpecialTokens: skips))
            }
        }
    }

    @Test(arguments: folders) func decode(_ folder: String) throws {
        let json = try Self.json(folder)
        let gguf = Self.ggufFolders.contains(folder) ? try Self.gguf(folder) : nil
        for line in try Fixtures.lines("tokenizers/\(folder)/decode.jsonl") {
            let ids = try #require(line["ids"]?.ids)
            let decoded = try #require(line["decoded"]?.string)
            let skipped = try #require(line["decoded_skip"]?.string)
            try expectSame(json.decode(ids, skipSpecialTokens: false), decoded)
            try expectSame(json.decode(ids, skipSpecialTokens: true), skipped)
            guard let gguf else { continue }
            try expectSame(gguf.decode(ids, skipSpecialTokens: false), decoded)
            // SentencePiece's user-defined pieces are special tokens in tokenizer.json only.
            if ids.allSatisfy({ gguf.isSpecial($0) == json.isSpecial($0) }) {
                try expectSame(gguf.decode(ids, skipSpecialTokens: true), skipped)
            }
        }
    }

    @Test(arguments: folders) func pairs(_ folder: String) throws {
        let tokenizer = try Self.json(folder)
        // A GGUF cannot tell the template of a pair; Unigram's fixture has one of its own.
        let gguf = Self.ggufFolders.contains(folder) && folder != "spm-unigram-identity" ? try Self.gguf(folder) : nil
        for line in try Fixtures.lines("tokenizers/\(folder)/pairs.jsonl") {
            let (a, b) = (try #require(line["a"]?.string), try #require(line["b"]?.string))
            for pair in [tokenizer, gguf].compactMap({ $0?.encode(a, pair: b, addSpecialTokens: true) }) {
                #expect(pair.ids == line["ids"]?.ids)
                #expect(pair.types == line["type_ids"]?.ids)
            }
        }
    }

    /// A GGUF with a character map, put together from the tokenizer.json that has one.
    @Test func ggufWithCharacterMap() throws {
        let folder = "spm-unigram-nfkc"
        let json = try Fixtures.json("tokenizers/\(folder)/tokenizer.json")
        let vocabulary = try #require(json["model"]?["vocab"]?.array)
        let special = try #require(json["added_tokens"]?.array).compactMap { $0["id"]?.int }
        let map = try #require(json["normalizer"]?["normalizers"]?.array?[0]["precompiled_charsmap"]?.string)
        var metadata = GGUFTokenizerMetadata(model: "t5", tokens: vocabulary.compactMap { $0.array?[0].string })
        metadata.scores = vocabulary.compactMap { $0.array?[1].double.map { Float($0) } }
        metadata.tokenTypes = metadata.tokens.enumerated().map { id, token in
            special.contains(id) ? 3 : token.wholeMatch(of: /<0x..>/) != nil ? 6 : 1
        }
        (metadata.bosID, metadata.eosID, metadata.unkID) = (1, 2, 0)
        (metadata.addBOS, metadata.addEOS, metadata.removeExtraWhitespaces) = (true, false, true)
        metadata.characterMap = Array(try #require(Data(base64Encoded: map)))
        let tokenizer = try Tokenizer(gguf: metadata, place: "test")
        for line in try Fixtures.lines("tokenizers/\(folder)/expected.jsonl") {
            let text = try #require(line["text"]?.string)
            let ids = try #require(line["ids_special"]?.ids ?? line["ids"]?.ids)
            #expect(tokenizer.encode(text, addSpecialTokens: true) == ids, "\(text.debugDescription)")
        }
    }

    /// The tokenizer of the model that the demo trains.
    @Test func smolLM2() throws {
        let environment = ProcessInfo.processInfo.environment["PEFT_HOST_TEST_MODEL"]
        let cached = URL.homeDirectory.appending(path: ".cache/peft-host/SmolLM2-135M-Instruct.Q4_1.gguf")
        let url = environment.map { URL(filePath: $0) } ?? cached
        let tokenizer = try Tokenizer(gguf: GGUFMetadataReader.tokenizer(url), place: url.lastPathComponent)
        #expect(tokenizer.vocabularySize == 49152)
        #expect((tokenizer.bosID, tokenizer.eosID, tokenizer.unkID, tokenizer.padID) == (1, 2, 0, 2))
        #expect(tokenizer.chatTemplate?.hasPrefix("{% for message in messages %}") == true)
        for line in try Fixtures.lines("tokens.jsonl") {
            let text = try #require(line["text"]?.string)
            let ids = try #require(line["ids"]?.ids)
            #expect(tokenizer.encode(text, addSpecialTokens: true) == ids, "\(text.debugDescription)")
            try expectSame(tokenizer.decode(ids, skipSpecialTokens: false), text)
        }
    }
}

/// Equal in every code point; `==` would take é and e + ◌́ for the same.
func expectSame(_ text: String, _ expected: String, at location: SourceLocation = #_sourceLocation) {
    #expect(
        text.unicodeScalars.elementsEqual(expected.unicodeScalars),
        "\(text.debugDescription) is not \(expected.debugDescription)", sourceLocation: location)
}

extension JSON {
    var ids: [Int32]? { array?.compactMap { $0.int.map { Int32($0) } } }
}
