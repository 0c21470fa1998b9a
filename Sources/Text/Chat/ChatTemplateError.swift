/// Why a chat template cannot be read or cannot render a conversation.
package struct ChatTemplateError: Error, Equatable, CustomStringConvertible {
    package enum Code: Sendable {
        /// The template is not well-formed.
        case syntax
        /// The template uses a part of Jinja that this interpreter does not know.
        case unsupported
        /// The template itself refuses the conversation (`raise_exception`); `message` is what it said, unchanged.
        case refused
        /// An operation does not fit its values: an attribute of something undefined, `1 + 'a'`.
        case value
        /// The template wants more depth, work or output than is allowed.
        case limit
        /// What the model wrote cannot be told from what it read (see `ChatTemplate.renderTurns`).
        case ambiguous
    }

    package var code: Code
    /// One sentence that names the construct.
    package var message: String
    /// Where: `chat template, line 3`, or the turn in question.
    package var place: String
    /// What the user can do about it; empty where there is nothing to say.
    package var remedy: String

    package init(_ code: Code, _ message: String, place: String, remedy: String = "") {
        self.code = code
        self.message = message
        self.place = place
        self.remedy = remedy
    }

    init(_ code: Code, _ message: String, line: Int, remedy: String = "") {
        self.init(code, message, place: "chat template, line \(line)", remedy: remedy)
    }

    package var description: String {
        remedy.isEmpty ? "\(place): \(message)" : "\(place): \(message); \(remedy)"
    }
}

/// Bounds on what a template, which comes from a file that nobody checked, may cost.
enum ChatTemplateLimits {
    /// Bytes of the template's source.
    static let source = 1 << 20
    /// Blocks and expressions inside one another, in the source.
    static let nesting = 100
    /// The same while running, where macros call macros.
    static let running = 300
    /// Steps of the interpreter: one for each statement, operation and element, and one for 32 bytes of text.
    static let steps = 1_000_000
    /// Bytes of one text.
    static let text = 1 << 24
    /// Lists and mappings inside one another.
    static let values = 128
}
