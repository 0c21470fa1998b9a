import Formats
import Testing
import Text

/// What transformers' `apply_chat_template` makes of the conversations in Fixtures/chat.
@Suite struct ChatTemplateTests {
    static let cases: [JSON] = (try? loadCases()) ?? []

    static func loadCases() throws -> [JSON] {
        try Fixtures.data("chat/expected.jsonl").split(separator: UInt8(ascii: "\n")).map {
            try JSON.parse($0, place: "expected.jsonl")
        }
    }

    @Test func fixturesAreThere() { #expect(Self.cases.count == 146) }

    @Test(arguments: cases.indices)
    func rendersAsTransformersDoes(_ index: Int) throws {
        let expected = Self.cases[index]
        let name = try #require(expected["template"]?.string)
        let source = String(decoding: try Fixtures.data("chat/\(name).jinja"), as: UTF8.self)
        let template = try ChatTemplate(source: source)
        let result = Result { () throws(ChatTemplateError) in
            try template.render(
                messages: expected["messages"]?.array ?? [],
                addGenerationPrompt: expected["add_generation_prompt"]?.bool ?? false,
                bosToken: expected["bos_token"]?.string, eosToken: expected["eos_token"]?.string,
                variables: expected["variables"]?.members ?? [])
        }
        switch result {
        case .success(let text):
            let reference = try #require(expected["text"]?.string)
            #expect(Array(text.unicodeScalars) == Array(reference.unicodeScalars))
        case .failure(let error):
            #expect(error.code == .refused)
            #expect("TemplateError: \(error.message)" == expected["error"]?.string)
        }
    }
}

/// What a rendered conversation is to its tokenizer.
@Suite struct ChatTokenTests {
    @Test func idsOfRenderings() throws {
        var count = 0
        for line in try Fixtures.lines("chat/expected.jsonl") {
            guard let name = line["tokenizer"]?.string, let ids = line["ids"]?.array?.map({ Int32($0.int ?? -1) })
            else {
                continue
            }
            let tokenizer = try Tokenizer(json: Fixtures.json("tokenizers/\(name)/tokenizer.json"), place: name)
            let text = try #require(line["text"]?.string)
            #expect(tokenizer.encode(text, addSpecialTokens: false) == ids)
            count += 1
        }
        #expect(count > 0)
    }
}
