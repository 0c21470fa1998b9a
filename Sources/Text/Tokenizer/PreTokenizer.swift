/// Cuts normalised text into the words that a model encodes one by one.
struct PreTokenizer: Sendable {
    enum Step: Sendable {
        case split(SplitPattern)
        case digits(individually: Bool)
        /// A space before every word that has none (ByteLevel's `add_prefix_space`).
        case leadingSpace
        case metaspace(Metaspace)
    }

    var steps: [Step]

    func apply(_ words: inout Words) {
        for step in steps {
            switch step {
            case .split(let pattern): words.split(pattern.matchEnd)
            case .digits(let individually):
                words.split { SplitPattern.digitsEnd($0, $1, $2, individually: individually) }
            case .leadingSpace:
                words.rewrite { word, _, words in
                    let space = UInt8(ascii: " ")
                    words.append(word.first == space ? Array(word) : [space] + word)
                }
            case .metaspace(let metaspace): words.rewrite(metaspace.apply)
            }
        }
    }
}

/// Words one behind the other in one buffer; none is empty.
struct Words {
    private(set) var text: [UInt8]
    private(set) var ends: [Int]
    /// Whether the first word begins the whole text, and not what follows an added token.
    let startsText: Bool

    init(_ text: [UInt8], startsText: Bool) {
        self.text = text
        self.startsText = startsText
        ends = text.isEmpty ? [] : [text.count]
    }

    /// Cuts each word at the ends that `matchEnd(text, start, end)` gives, one after the other.
    mutating func split(_ matchEnd: ([UInt8], Int, Int) -> Int) {
        var cuts: [Int] = []
        cuts.reserveCapacity(ends.count + text.count / 4)
        var start = 0
        for end in ends {
            while start < end {
                start = matchEnd(text, start, end)
                cuts.append(start)
            }
        }
        ends = cuts
    }

    /// Puts what `body(word, whether it begins the text, result)` appends in the place of each word.
    mutating func rewrite(_ body: (ArraySlice<UInt8>, Bool, inout Words) -> Void) {
        var result = Words([], startsText: startsText)
        var start = 0
        for end in ends {
            body(text[start..<end], startsText && start == 0, &result)
            start = end
        }
        self = result
    }

    mutating func append(_ word: some Collection<UInt8>) {
        guard !word.isEmpty else { return }
        text += word
        ends.append(text.count)
    }
}

/// SentencePiece's visible space in the place of spaces, before the text, and as the start of each word.
struct Metaspace: Sendable {
    enum Prepend: String, Sendable { case always, first, never }

    var replacement: [UInt8]
    var prepend: Prepend
    var splits: Bool

    func apply(_ word: ArraySlice<UInt8>, startsText: Bool, to words: inout Words) {
        var text: [UInt8] = []
        for byte in word { if byte == UInt8(ascii: " ") { text += replacement } else { text.append(byte) } }
        let wanted = prepend == .always || prepend == .first && startsText
        if wanted, !text.holds(replacement, at: 0) { text = replacement + text }
        guard splits else { return words.append(text) }
        var start = 0
        for position in text.indices.dropFirst() where text.holds(replacement, at: position) {
            words.append(text[start..<position])
            start = position
        }
        words.append(text[start...])
    }
}
