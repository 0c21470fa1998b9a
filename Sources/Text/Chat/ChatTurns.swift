import Formats

/// A conversation as text, and the parts of it that the assistant wrote.
package struct ChatTurns: Equatable, Sendable {
    package var text: String
    /// Ranges of UTF-8 bytes of `text`, ascending, none empty: the assistant's contents, each with its end-of-turn token.
    package var assistant: [Range<Int>]
}

extension ChatTemplate {
    /// The text of a whole conversation with the ranges that training takes its loss from.
    ///
    /// Where the template has `{% generation %}` blocks, they are the ranges. Else a turn is what the text of the messages
    /// up to and with it has beyond the text of those before it with the generation prompt; that is an answer only where
    /// each of these texts begins the next, which is checked. White space after an end-of-turn token does not count: the
    /// model is never asked to write it.
    ///
    /// - Throws: `.ambiguous` where earlier turns read differently once later ones follow; what `render` throws.
    package func renderTurns(
        messages: [JSON], bosToken: String?, eosToken: String?, variables: [JSON.Member] = []
    ) throws(ChatTemplateError) -> ChatTurns {
        let whole = try run(messages, false, bosToken, eosToken, variables)
        if marksGenerations {
            return ChatTurns(text: whole.output, assistant: whole.generations.filter { !$0.isEmpty })
        }
        var ranges: [Range<Int>] = []
        for (index, message) in messages.enumerated() where message["role"]?.string == "assistant" {
            func text(_ count: Int, _ prompt: Bool) throws(ChatTemplateError) -> String {
                do {
                    return try run(Array(messages[..<count]), prompt, bosToken, eosToken, variables).output
                } catch {
                    throw ChatTemplateError(
                        error.code, "\(error.message) (for the first \(count) messages alone)", place: error.place,
                        remedy: error.remedy)
                }
            }
            let (before, through) = (try text(index, true), try text(index + 1, false))
            guard TemplateStrings.hasPrefix(through, before), TemplateStrings.hasPrefix(whole.output, through) else {
                throw ChatTemplateError(
                    .ambiguous,
                    "the template writes what comes before the end of message \(index + 1) differently when more follows, "
                        + "so the assistant's part cannot be told",
                    place: "chat template",
                    remedy:
                        "use a template with '{% generation %}' blocks, or one turn of the assistant in each conversation"
                )
            }
            let range = Self.learned(
                before.utf8.count..<through.utf8.count, of: through, content: message["content"]?.string ?? "")
            if !range.isEmpty { ranges.append(range) }
        }
        return ChatTurns(text: whole.output, assistant: ranges)
    }

    /// The range without the white space at its end, where more than that follows the content.
    private static func learned(_ range: Range<Int>, of text: String, content: String) -> Range<Int> {
        let turn = String(decoding: Array(text.utf8)[range], as: UTF8.self)
        let stripped = TemplateStrings.strip(turn, nil, left: false)
        let words = TemplateStrings.strip(content, nil)
        if !words.isEmpty, TemplateStrings.hasSuffix(stripped, words) { return range }
        return range.lowerBound..<range.lowerBound + stripped.utf8.count
    }
}
