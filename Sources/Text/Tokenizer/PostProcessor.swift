/// Puts special tokens around one text or a pair (`TemplateProcessing`).
struct PostProcessor: Sendable {
    enum Piece: Sendable {
        case special(ids: [Int32], type: Int32)
        /// The ids of the first (0) or second (1) text.
        case sequence(Int, type: Int32)
    }

    var single: [Piece]
    var pair: [Piece]

    /// No special tokens; the type of a token says from which text it is.
    static let none = PostProcessor(
        single: [.sequence(0, type: 0)], pair: [.sequence(0, type: 0), .sequence(1, type: 1)])

    /// How many special tokens stand around one text.
    var specialCount: Int { apply([[]], addSpecialTokens: true).ids.count }

    /// The special tokens in front of one text.
    var leading: [Int32] {
        var leading: [Int32] = []
        for case .special(let ids, _) in single.prefix(while: { if case .special = $0 { true } else { false } }) {
            leading += ids
        }
        return leading
    }

    /// - Parameter texts: the ids of one text or two.
    func apply(_ texts: [[Int32]], addSpecialTokens: Bool) -> TokenPair {
        var result = TokenPair()
        for piece in texts.count == 1 ? single : pair {
            switch piece {
            case .special(let ids, let type): if addSpecialTokens { result.append(ids, type) }
            case .sequence(let index, let type): result.append(texts[index], type)
            }
        }
        return result
    }
}

/// Two texts as one row of ids, and of which text each is (Hugging Face's `token_type_ids`).
package struct TokenPair: Sendable, Equatable {
    package var ids: [Int32] = []
    package var types: [Int32] = []

    fileprivate mutating func append(_ more: [Int32], _ type: Int32) {
        ids += more
        types += Array(repeating: type, count: more.count)
    }
}
