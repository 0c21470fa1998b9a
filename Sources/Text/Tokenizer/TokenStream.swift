import Formats

/// Decodes ids that come one at a time, for printing while a model writes.
///
/// A token alone has no text of its own (half a character, a space that only a first token drops), so each piece of text is what
/// the newest ids add to the text of those before them, held back while it ends inside a character.
package struct TokenStream {
    private let tokenizer: Tokenizer
    private let skipsSpecialTokens: Bool
    /// Ids whose text is out already, kept for their effect on what follows; then those still to come.
    private var shown: [Int32] = []
    private var waiting: [Int32] = []

    package init(_ tokenizer: Tokenizer, skipSpecialTokens: Bool) {
        self.tokenizer = tokenizer
        skipsSpecialTokens = skipSpecialTokens
    }

    /// The text that this id completes; often empty.
    package mutating func append(_ id: Int32) throws(FormatError) -> String {
        waiting.append(id)
        let text = try newText()
        guard !text.isEmpty, text.last != 0xFFFD else { return "" }
        shown = waiting
        waiting = []
        return Self.string(text)
    }

    /// What was held back, with U+FFFD for characters that never became whole.
    package mutating func finish() throws(FormatError) -> String {
        defer {
            shown = []
            waiting = []
        }
        return Self.string(try newText())
    }

    private func newText() throws(FormatError) -> [UInt32] {
        let before = try scalars(of: shown)
        return Array(try scalars(of: shown + waiting).dropFirst(before.count))
    }

    private func scalars(of ids: [Int32]) throws(FormatError) -> [UInt32] {
        try tokenizer.decode(ids, skipSpecialTokens: skipsSpecialTokens).unicodeScalars.map(\.value)
    }

    private static func string(_ scalars: [UInt32]) -> String {
        String(String.UnicodeScalarView(scalars.compactMap(Unicode.Scalar.init)))
    }
}
