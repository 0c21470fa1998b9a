import Formats
import Text

/// Turns what a user writes into the tokens that a model goes on from.
package struct Prompts {
    private let tokenizer: Tokenizer
    private let template: ChatTemplate?

    /// - Parameter isChat: whether conversations will be asked for.
    /// - Throws: `GenerationError` where the model has no chat template for them; `ChatTemplateError` where it cannot be read.
    package init(_ tokenizer: Tokenizer, isChat: Bool) throws {
        self.tokenizer = tokenizer
        guard isChat else {
            template = nil
            return
        }
        guard let source = tokenizer.chatTemplate else {
            throw GenerationError(
                "the model has no chat template", place: tokenizer.place,
                remedy: "give a prompt as plain text")
        }
        template = try ChatTemplate(source: source)
    }

    /// The tokens of a text that is gone on with.
    package func tokens(of text: String) -> [Int32] { tokenizer.encode(beginning: text) }

    /// The tokens of a conversation in whose next turn the assistant answers; none without a template.
    ///
    /// - Parameter messages: objects with `role` and `content`.
    package func tokens(of messages: [JSON]) throws -> [Int32] {
        func token(_ id: Int32?) throws -> String? { try id.map { try tokenizer.token($0) } }
        guard let template else { return [] }
        let text = try template.render(
            messages: messages, addGenerationPrompt: true, bosToken: token(tokenizer.bosID),
            eosToken: token(tokenizer.eosID))
        return tokenizer.encode(text, addSpecialTokens: false)
    }

    package static func message(_ role: String, _ content: String) -> JSON {
        ["role": .string(role), "content": .string(content)]
    }
}
