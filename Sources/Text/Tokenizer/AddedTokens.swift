/// A token that is found in the text before the model sees it.
struct AddedToken: Sendable {
    var id: Int32
    var content: String
    /// Left out of decoded text when special tokens are to be skipped.
    var special = false
    /// Takes the white space to its left, to its right.
    var stripsLeft = false
    var stripsRight = false
    /// Counts only where no word character touches it.
    var singleWord = false
    /// Is looked for in normalised text, in its normalised form.
    var normalized = false
}

/// Finds added tokens in a text: of those that begin first, the longest.
struct AddedTokens: Sendable {
    let tokens: [AddedToken]
    private var raw = ByteTrie()
    private var normalized = ByteTrie()
    private let indexOfID: [Int32: Int]

    init(_ tokens: [AddedToken], normalize: ([UInt8]) -> [UInt8]) {
        self.tokens = tokens
        indexOfID = Dictionary(zip(tokens.map(\.id), tokens.indices)) { $1 }
        for (index, token) in tokens.enumerated() {
            let content = Array(token.content.utf8)
            if token.normalized {
                normalized.insert(normalize(content), Int32(index))
            } else {
                raw.insert(content, Int32(index))
            }
        }
    }

    subscript(id: Int32) -> AddedToken? { indexOfID[id].map { tokens[$0] } }

    enum Section { case token(Int32), text(Range<Int>) }

    /// The tokens in raw or in normalised text, and what is between them; no section is empty.
    func sections(of text: [UInt8], normalized isNormalized: Bool) -> [Section] {
        let trie = isNormalized ? normalized : raw
        guard !text.isEmpty else { return [] }
        guard !trie.isEmpty else { return [.text(text.indices)] }
        var sections: [Section] = []
        var done = 0
        var position = 0
        while position < text.count {
            guard let match = trie.longestMatch(in: text, at: position) else {
                position += 1
                continue
            }
            let token = tokens[Int(match.value)]
            var (start, end) = (position, match.end)
            position = match.end
            if token.singleWord, touchesWord(text, start, end) { continue }
            while token.stripsLeft, start > done {
                let (scalar, length) = text.scalar(before: start)
                guard CharacterClass(scalar).isSpace else { break }
                start -= length
            }
            while token.stripsRight, end < text.count {
                let (scalar, length) = text.scalar(at: end, end: text.count)
                guard CharacterClass(scalar).isSpace else { break }
                end += length
            }
            if done < start { sections.append(.text(done..<start)) }
            sections.append(.token(token.id))
            done = end
        }
        if done < text.count { sections.append(.text(done..<text.count)) }
        return sections
    }

    private func touchesWord(_ text: [UInt8], _ start: Int, _ end: Int) -> Bool {
        start > 0 && text.scalar(before: start).scalar.isWordCharacter
            || end < text.count && text.scalar(at: end, end: text.count).scalar.isWordCharacter
    }
}
