import Formats
import Testing
import Text
import Training

@Suite struct ExampleRowTests {
    private let tokenizer: Tokenizer
    private let end: Int32
    private let scratch: Scratch

    init() throws {
        tokenizer = try Tokenizer(
            json: Fixtures.json("tokenizers/bpe-llama3/tokenizer.json"),
            configuration: ["bos_token": "<|begin_of_text|>", "eos_token": "<|eot_id|>"], place: "tokenizer.json")
        scratch = try Scratch()
        end = try #require(tokenizer.eosID)
    }

    private func maker(_ longest: Int = 1000, truncates: Bool = true) -> ExampleMaker {
        ExampleMaker(tokenizer, maximumLength: longest, truncates: truncates)
    }

    private func row(_ values: [String: JSON]) throws -> DataSource.Row {
        let line = JSON.object(values.sorted { $0.key < $1.key }.map { JSON.Member($0.key, $0.value) }).text()
        return try DataSource.rows(scratch.write("train.jsonl", line + "\n"))[0]
    }

    private func plain(_ text: String) -> [Int32] { tokenizer.encode(text, addSpecialTokens: false) }

    @Test func learnsTheCompletionAndItsEnd() throws {
        var maker = maker()
        let example = try maker.language(try row(["prompt": "Two and two is", "completion": " four."]))
        let (prompt, completion) = (tokenizer.encode("Two and two is", addSpecialTokens: true), plain(" four."))
        #expect(prompt[0] == tokenizer.bosID)
        #expect(example.tokens == prompt + completion + [end])
        #expect(example.isTarget == prompt.map { _ in false } + (completion + [end]).map { _ in true })
        #expect(example.targetCount == completion.count + 1)
    }

    @Test func learnsEveryTokenOfAText() throws {
        var maker = maker()
        let example = try maker.language(try row(["text": "one two three"]))
        #expect(example.tokens == tokenizer.encode("one two three", addSpecialTokens: true))
        #expect(example.isTarget.allSatisfy { $0 })
        // The first token has nothing before it that could predict it.
        #expect(example.targetCount == example.tokens.count - 1)
    }

    @Test func learnsTheAssistantsTurns() throws {
        let template = String(decoding: try Fixtures.data("chat/chatml.jinja"), as: UTF8.self)
        let tokenizer = try Tokenizer(
            json: Fixtures.json("tokenizers/bpe-smollm/tokenizer.json"),
            configuration: ["eos_token": "<|im_end|>", "chat_template": .string(template)], place: "tokenizer.json")
        var maker = ExampleMaker(tokenizer, maximumLength: 1000, truncates: false)
        func message(_ role: String, _ content: String) -> JSON {
            ["role": .string(role), "content": .string(content)]
        }
        let messages: [JSON] = [
            message("user", "Red?"), message("assistant", "Blue."), message("user", "Green?"),
            message("assistant", "Yellow."),
        ]
        let example = try maker.language(try row(["messages": .array(messages)]))
        func text(_ wanted: Bool) throws -> String {
            try tokenizer.decode(
                zip(example.tokens, example.isTarget).filter { $1 == wanted }.map(\.0), skipSpecialTokens: false)
        }
        let learned = try text(true)
        #expect(learned.contains("Blue.<|im_end|>") && learned.contains("Yellow.<|im_end|>"))
        #expect(!learned.contains("Red") && !learned.contains("Green") && !learned.contains("user"))
        #expect(try !text(false).contains("Blue") && text(false).contains("Red?"))
    }

    @Test func cutsWhatIsTooLong() throws {
        let text = "a long text about nothing at all, with many words in it"
        let whole = tokenizer.encode(text, addSpecialTokens: true)
        var cutting = maker(5)
        let example = try cutting.classification(try row(["text": .string(text), "label": "b"]), labels: ["a", "b"])
        #expect(example.tokens.count == 5)
        #expect(example.tokens[0] == whole[0])
        #expect(example.label == 1)
        #expect(cutting.truncated == 1)
        _ = try cutting.language(try row(["text": .string(text)]))
        #expect(cutting.truncated == 2)
        var strict = maker(5, truncates: false)
        let message = try trainingError { _ = try strict.language(try row(["text": .string(text)])) }
        #expect(message.contains("train.jsonl:1") && message.contains("\(whole.count) tokens"))
    }

    @Test func refusesRowsWithoutATarget() throws {
        var cutting = maker(3)
        let message = try trainingError {
            _ = try cutting.language(try row(["prompt": "a long text about nothing at all", "completion": "x"]))
        }
        #expect(message.contains("train.jsonl:1"))
        var whole = maker()
        for values: [String: JSON] in [
            ["text": ""], ["text": 3], ["prompt": "a"], ["messages": []], ["messages": [["role": "user"]]],
            ["other": "a"],
        ] { #expect(try trainingError { _ = try whole.language(try row(values)) }.contains("train.jsonl:1")) }
    }

    @Test func numbersTheLabels() throws {
        let rows = try ["b", "é", "B", "a", "b"].map { try row(["text": "x", "label": .string($0)]) }
        #expect(try ExampleMaker.labels(of: rows) == ["B", "a", "b", "é"])
        #expect(try trainingError { _ = try ExampleMaker.labels(of: [rows[0], rows[4]]) }.contains("\"b\""))
        var maker = maker()
        #expect(try trainingError { _ = try maker.classification(rows[0], labels: ["a"]) }.contains("\"b\""))
    }
}
