import Formats
import Testing
import Text

@Suite struct ChatTurnsTests {
    static let conversation: [JSON] = [
        ["role": "user", "content": "Hi 🙂"], ["role": "assistant", "content": "  Grüße\n"],
        ["role": "user", "content": "more"], ["role": "assistant", "content": "é = e\u{301}"],
    ]

    /// The parts of the text that the ranges take.
    static func parts(_ source: String, _ messages: [JSON] = conversation) throws -> [String] {
        let template = try ChatTemplate(source: source)
        let turns = try template.renderTurns(messages: messages, bosToken: "<s>", eosToken: "</s>")
        #expect(
            try template.render(
                messages: messages, addGenerationPrompt: false, bosToken: "<s>", eosToken: "</s>") == turns.text)
        let bytes = Array(turns.text.utf8)
        return try turns.assistant.map { try #require(String(validating: bytes[$0], as: UTF8.self)) }
    }

    static func fixture(_ name: String) throws -> String {
        String(decoding: try Fixtures.data("chat/\(name).jinja"), as: UTF8.self)
    }

    @Test(arguments: [
        ("chatml", ["  Grüße\n<|im_end|>", "é = e\u{301}<|im_end|>"]),
        ("chatml-plain", ["Grüße<|im_end|>", "é = e\u{301}<|im_end|>"]),
        ("headers", ["Grüße<|eot_id|>", "é = e\u{301}<|eot_id|>"]),
        ("turns", ["Grüße<end_of_turn>", "é = e\u{301}<end_of_turn>"]),
        ("inst", [" Grüße </s>", " é = e\u{301} </s>"]),
    ])
    func findsTheAssistantsPartByPrefixes(_ name: String, _ expected: [String]) throws {
        let parts = try Self.parts(try Self.fixture(name))
        #expect(parts.map { Array($0.utf8) } == expected.map { Array($0.utf8) })
    }

    @Test func takesWhatTheTemplateMarks() throws {
        let source = """
            {% for m in messages %}{{ m.role }}:{% if m.role == 'assistant' %}{% generation %}{{ m.content | trim }}.{% endgeneration %}
            {% else %}{{ m.content }}
            {% endif %}{% endfor %}{{ 'differs' if messages | length == 4 }}
            """
        #expect(try Self.parts(source) == ["Grüße.", "é = e\u{301}."])
    }

    @Test func keepsTheNewlineThatEndsATurn() throws {
        let source = "{% for m in messages %}{{ m.content | trim + '\n' }}{% endfor %}"
        #expect(try Self.parts(source) == ["Grüße\n", "é = e\u{301}\n"])
    }

    @Test(arguments: [
        "{% for m in messages %}{{ m.content }}{{ '!' if loop.last }}{% endfor %}",
        "{{ messages | length }}{% for m in messages %}{{ m.content }}{% endfor %}",
        "{% for m in messages %}{{ m.content }}{% endfor %}{{ ' gen' if add_generation_prompt }}",
    ])
    func refusesTemplatesWithoutStablePrefixes(_ source: String) throws {
        let error = try #require(throws: ChatTemplateError.self) { try Self.parts(source) }
        #expect(error.code == .ambiguous)
        #expect(error.message.contains("message 2"))
    }

    @Test func saysWhichPrefixTheTemplateRefuses() throws {
        let error = try #require(throws: ChatTemplateError.self) {
            try Self.parts(
                "{% if messages[0].role == 'x' %}{% endif %}{% for m in messages %}{{ m.content }}{% endfor %}",
                [["role": "assistant", "content": "I begin."]])
        }
        #expect(error.message.contains("first 0 messages"))
    }

    @Test func aConversationWithoutTheAssistantHasNoRanges() throws {
        #expect(try Self.parts(try Self.fixture("chatml"), [["role": "user", "content": "x"]]).isEmpty)
    }
}
