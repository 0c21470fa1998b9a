import Formats
import Foundation
import Testing
import Text
import Training

/// Which tokens a row becomes. The tokenizer knows a (0) and b (1), and puts <s> (2) and </s> (3) around a text.
struct ExampleMakerTests {
    private static func tokenizer(hasEnd: Bool = true) throws -> Tokenizer {
        func special(_ id: Int64, _ text: String) -> JSON {
            [
                "id": .integer(id), "content": .string(text), "special": true, "single_word": false, "lstrip": false,
                "rstrip": false, "normalized": false,
            ]
        }
        func piece(_ kind: String, _ id: String) -> JSON {
            .object([JSON.Member(kind, ["id": .string(id), "type_id": 0])])
        }
        let single = [piece("SpecialToken", "<s>"), piece("Sequence", "A"), piece("SpecialToken", "</s>")]
        let json: JSON = [
            "added_tokens": [special(2, "<s>"), special(3, "</s>")],
            "model": ["type": "BPE", "vocab": ["a": 0, "b": 1], "merges": []],
            "post_processor": [
                "type": "TemplateProcessing", "single": .array(single), "pair": .array(single),
                "special_tokens": ["<s>": ["id": "<s>", "ids": [2]], "</s>": ["id": "</s>", "ids": [3]]],
            ],
        ]
        let config: JSON = hasEnd ? ["bos_token": "<s>", "eos_token": "</s>"] : ["bos_token": "<s>"]
        return try Tokenizer(json: json, configuration: config, place: "tokenizer.json")
    }

    private static func row(_ values: [String: JSON]) -> DataSource.Row {
        DataSource.Row(record: DataTable.Record(line: 3, values: values), place: "train.jsonl:3")
    }

    @Test func theEndOfACompletion() throws {
        var maker = ExampleMaker(try Self.tokenizer(), maximumLength: 16, truncates: true)
        let row = Self.row(["prompt": "ab", "completion": "ba"])
        let example = try maker.language(row)
        #expect(example.tokens == [2, 0, 1, 1, 0, 3])
        #expect(example.isTarget == [false, false, false, true, true, true])
        var endless = ExampleMaker(try Self.tokenizer(hasEnd: false), maximumLength: 16, truncates: true)
        let error = #expect(throws: TrainingError.self) { try endless.language(row) }
        #expect(error?.message == "the model has no token that ends a \"completion\"")
        #expect(error?.place == "train.jsonl:3")
    }

    /// transformers cuts the text and keeps the special tokens.
    @Test func truncation() throws {
        var maker = ExampleMaker(try Self.tokenizer(), maximumLength: 5, truncates: true)
        let long = Self.row(["text": "abababab", "label": "x"])
        #expect(try maker.classification(long, labels: ["x", "y"]).tokens == [2, 0, 1, 0, 3])
        #expect(try maker.language(long).tokens == [2, 0, 1, 0, 3])
        #expect(maker.truncated == 2)
        #expect(try maker.language(Self.row(["text": "aba"])).tokens == [2, 0, 1, 0, 3])
        #expect(maker.truncated == 2)
        var strict = ExampleMaker(try Self.tokenizer(), maximumLength: 5, truncates: false)
        let error = #expect(throws: TrainingError.self) { try strict.language(long) }
        #expect(error?.message == "the row has 10 tokens, more than 5")
    }
}
