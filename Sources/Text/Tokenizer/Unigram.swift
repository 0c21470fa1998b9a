/// The most probable way to cut a text into tokens (Kudo 2018), by dynamic programming over its bytes.
struct Unigram: Sendable {
    let vocabulary: Vocabulary
    /// Log-probability by id.
    let scores: [Double]
    let unknown: Int32
    /// What stands for the bytes of an unknown text; empty where there is no such fallback.
    let byteTokens: [Int32]
    private let trie: ByteTrie
    private let unknownScore: Double

    init(vocabulary: Vocabulary, scores: [Double], unknown: Int32, byteFallback: Bool) {
        self.vocabulary = vocabulary
        self.scores = scores
        self.unknown = unknown
        byteTokens = byteFallback ? vocabulary.byteTokens : []
        // SentencePiece's constant: an unknown character costs 10 more than the least probable token.
        unknownScore = (scores.min() ?? 0) - 10
        var trie = ByteTrie()
        for id in 0..<Int32(vocabulary.endID) { trie.insert(vocabulary.text(of: id) ?? [], id) }
        self.trie = trie
    }

    /// The best cut of the text before a byte: its score, and its last token.
    private struct Best {
        var score = 0.0
        var start: Int32 = -1
        /// -1 is unknown.
        var token: Int32 = -1

        mutating func offer(_ score: Double, _ start: Int, _ token: Int32) {
            guard self.start < 0 || score > self.score else { return }
            self = Best(score: score, start: Int32(start), token: token)
        }
    }

    /// Appends the ids of `text[range]`.
    func encode(_ text: [UInt8], _ range: Range<Int>, into ids: inout [Int32]) {
        let text = range == text.indices ? text : Array(text[range])
        var best = [Best](repeating: Best(), count: text.count + 1)
        var start = 0
        while start < text.count {
            let length = text.scalar(at: start, end: text.count).length
            let score = best[start].score
            var coversCharacter = false
            trie.forEachMatch(in: text, at: start) { end, token in
                best[end].offer(score + scores[Int(token)], start, token)
                if end == start + length { coversCharacter = true }
            }
            if !coversCharacter { best[start + length].offer(score + unknownScore, start, -1) }
            start += length
        }
        var pieces: [(range: Range<Int>, token: Int32)] = []
        var end = text.count
        while end > 0 {
            let last = best[end]
            let unknown = last.token < 0 || last.token == unknown
            // Unknown characters in a row are one unknown text.
            if unknown, let previous = pieces.last, previous.token < 0, previous.range.lowerBound == end {
                pieces[pieces.count - 1].range = Int(last.start)..<previous.range.upperBound
            } else {
                pieces.append((Int(last.start)..<end, unknown ? -1 : last.token))
            }
            end = Int(last.start)
        }
        for piece in pieces.reversed() {
            if piece.token >= 0 {
                ids.append(piece.token)
            } else if let token = vocabulary.id(of: text.span.extracting(piece.range)) {
                ids.append(token)
            } else if !byteTokens.isEmpty, text[piece.range].allSatisfy({ byteTokens[Int($0)] >= 0 }) {
                for byte in text[piece.range] { ids.append(byteTokens[Int(byte)]) }
            } else {
                ids.append(unknown)
            }
        }
    }
}
