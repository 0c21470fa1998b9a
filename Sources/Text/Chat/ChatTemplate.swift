import Formats

/// A model's chat template: a program in the part of Jinja that such templates use, which turns a conversation into the
/// text that the model was trained on.
///
/// The environment is that of transformers' `apply_chat_template`: `trim_blocks`, `lstrip_blocks`, loop controls, values
/// that cannot be changed, `raise_exception`, `tojson` without escaping or sorting; `tools` and `documents` are none
/// unless given. What this interpreter does not know is an error when the template gets there.
package struct ChatTemplate: Sendable {
    private let statements: [TemplateStatement]

    /// Reads a template.
    ///
    /// - Throws: `.syntax`, `.unsupported` or `.limit`, with the line.
    package init(source: String) throws(ChatTemplateError) {
        statements = try TemplateParser.statements(of: source)
    }

    /// The text of a conversation.
    ///
    /// - Parameters:
    ///   - messages: objects with `role`, `content` and whatever else the template asks for.
    ///   - addGenerationPrompt: ends the text with what precedes the assistant's next answer.
    ///   - bosToken: the tokenizer's token as text; undefined for the template where it is nil.
    ///   - eosToken: the same.
    ///   - variables: more names for the template, such as `tools` or `date_string`.
    /// - Throws: `.refused` with the template's own message, or what else went wrong, with the line.
    package func render(
        messages: [JSON], addGenerationPrompt: Bool, bosToken: String?, eosToken: String?,
        variables: [JSON.Member] = []
    ) throws(ChatTemplateError) -> String {
        try run(messages, addGenerationPrompt, bosToken, eosToken, variables).output
    }

    /// The finished run, with the output and what its `{% generation %}` blocks wrote.
    func run(
        _ messages: [JSON], _ addGenerationPrompt: Bool, _ bosToken: String?, _ eosToken: String?,
        _ variables: [JSON.Member]
    ) throws(ChatTemplateError) -> TemplateRun {
        var names: [String: TemplateValue] = [
            "messages": TemplateValue(.array(messages)), "add_generation_prompt": .bool(addGenerationPrompt),
            "tools": .none, "documents": .none,
        ]
        names["bos_token"] = bosToken.map(TemplateValue.string)
        names["eos_token"] = eosToken.map(TemplateValue.string)
        for variable in variables { names[variable.key] = TemplateValue(variable.value) }
        var run = TemplateRun(variables: names)
        try run.render(statements)
        return run
    }

    /// Whether the template marks by itself what the model is to learn.
    var marksGenerations: Bool { Self.marksGenerations(statements) }

    private static func marksGenerations(_ statements: [TemplateStatement]) -> Bool {
        statements.contains { statement in
            switch statement.kind {
            case .generation: true
            case .choice(let branches, let otherwise):
                branches.contains { marksGenerations($0.body) } || marksGenerations(otherwise)
            case .loop(let loop): marksGenerations(loop.body) || marksGenerations(loop.otherwise)
            case .setBlock(_, let body, _): marksGenerations(body)
            case .macro(let macro): marksGenerations(macro.body)
            default: false
            }
        }
    }
}
