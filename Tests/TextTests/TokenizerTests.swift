import Formats
import Testing
import Text

@Suite struct TokenizerTests {
    /// What is decoded token by token is what is decoded at once.
    @Test(arguments: TokenizerParityTests.folders) func streams(_ folder: String) throws {
        let tokenizer = try TokenizerParityTests.json(folder)
        for line in try Fixtures.lines("tokenizers/\(folder)/expected.jsonl") {
            let ids = try #require(line["ids"]?.ids)
            var stream = TokenStream(tokenizer, skipSpecialTokens: false)
            var text = ""
            for id in ids {
                let piece = try stream.append(id)
                #expect(piece.unicodeScalars.last != "\u{FFFD}")
                text += piece
            }
            text += try stream.finish()
            try expectSame(text, #require(line["decoded"]?.string))
        }
    }

    @Test func wholeTokensAndIDsGoBothWays() throws {
        for folder in TokenizerParityTests.folders {
            let tokenizer = try TokenizerParityTests.json(folder)
            for id in 0..<Int32(tokenizer.vocabularySize) {
                #expect(try tokenizer.id(of: tokenizer.token(id)) == id)
            }
        }
    }

    /// ſ (U+017F) folds to s, so Llama 3's `(?i:'s)` cuts after it; GPT-2's `'s` does not look at case.
    @Test(arguments: [
        (#"{"type": "ByteLevel", "add_prefix_space": false}"#, [0, 1, 4]),
        (
            #"""
            {"type": "Sequence", "pretokenizers": [{"type": "Split", "behavior": "Isolated", "pattern": {"Regex":
            "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}{1,3}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+"}},
            {"type": "ByteLevel", "add_prefix_space": false, "use_regex": false}]}
            """#, [0, 1, 2, 3]
        ),
    ])
    func longS(_ preTokenizer: String, _ ids: [Int32]) throws {
        let json = #"""
            {"pre_tokenizer": \#(preTokenizer),
             "model": {"type": "BPE", "vocab": {"'": 0, "Å": 1, "¿": 2, "x": 3, "¿x": 4}, "merges": ["¿ x"]}}
            """#
        let tokenizer = try Tokenizer(json: JSON.parse(json.utf8, place: "t"), place: "t")
        #expect(tokenizer.encode("'ſx", addSpecialTokens: false) == ids)
    }

    @Test func threadsShareOne() async throws {
        let tokenizer = try TokenizerParityTests.json("bpe-smollm")
        let lines = try Fixtures.lines("tokenizers/bpe-smollm/expected.jsonl")
        await withTaskGroup(of: Bool.self) { group in
            for _ in 0..<4 {
                group.addTask {
                    lines.allSatisfy {
                        tokenizer.encode($0["text"]!.string!, addSpecialTokens: false) == $0["ids"]!.ids
                    }
                }
            }
            for await same in group { #expect(same) }
        }
    }
}
