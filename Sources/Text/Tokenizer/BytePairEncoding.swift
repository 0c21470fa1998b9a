/// Byte-pair encoding (Sennrich et al. 2016): the characters of a word are joined pair by pair, the pair of lowest rank
/// first, of equal ones the leftmost.
struct BytePairEncoding: Sendable {
    let vocabulary: Vocabulary
    let merges: Merges
    let characters: Characters
    /// A word that is a token needs no merges (Llama 3).
    let ignoresMerges: Bool

    /// How the characters of a word become tokens.
    enum Characters: Sendable {
        /// Each byte is a token: the id of each, -1 where the vocabulary lacks it.
        case bytes([Int32], unknown: Int32?, fusesUnknown: Bool)
        /// Each code point is a token, or else `byteTokens` stand for its bytes (empty: no such fallback), or else it is unknown.
        case codePoints(byteTokens: [Int32], unknown: Int32?, fusesUnknown: Bool)
    }

    /// Room that one encoding uses for all its words.
    struct Scratch {
        /// The tokens of the word, -1 where a token was joined to the one before it.
        fileprivate var tokens: [Int32] = []
        fileprivate var previous: [Int32] = []
        fileprivate var next: [Int32] = []
        /// Pairs that may be joined: rank in the high half, position of the left token in the low half.
        fileprivate var queue = MinimumHeap()
    }

    /// Appends the ids of the word `text[range]`.
    func encode(_ text: [UInt8], _ range: Range<Int>, into ids: inout [Int32], _ scratch: inout Scratch) {
        if ignoresMerges, let id = token(text, range) {
            ids.append(id)
            return
        }
        scratch.tokens.removeAll(keepingCapacity: true)
        switch characters {
        case .bytes(let table, let unknown, let fuses):
            var unknowns = UnknownRun(unknown: unknown, fuses: fuses)
            for byte in text[range] { unknowns.add(table[Int(byte)], to: &scratch.tokens) }
            unknowns.flush(to: &scratch.tokens)
        case .codePoints(let byteTokens, let unknown, let fuses):
            var unknowns = UnknownRun(unknown: unknown, fuses: fuses)
            var position = range.lowerBound
            while position < range.upperBound {
                let end = position + text.scalar(at: position, end: range.upperBound).length
                let id = vocabulary.id(of: text.span.extracting(position..<end)) ?? -1
                let bytes = text[position..<end]
                if id < 0, !byteTokens.isEmpty, bytes.allSatisfy({ byteTokens[Int($0)] >= 0 }) {
                    for byte in bytes { scratch.tokens.append(byteTokens[Int(byte)]) }
                } else {
                    unknowns.add(id, to: &scratch.tokens)
                }
                position = end
            }
            unknowns.flush(to: &scratch.tokens)
        }
        merge(&scratch)
        for token in scratch.tokens where token >= 0 { ids.append(token) }
    }

    private func token(_ text: [UInt8], _ range: Range<Int>) -> Int32? {
        if case .bytes = characters { return vocabulary.id(of: ByteAlphabet.token(of: text[range]).span) }
        return vocabulary.id(of: text.span.extracting(range))
    }

    private func merge(_ scratch: inout Scratch) {
        let count = scratch.tokens.count
        guard count > 1 else { return }
        scratch.previous.removeAll(keepingCapacity: true)
        scratch.next.removeAll(keepingCapacity: true)
        for i in 0..<Int32(count) {
            scratch.previous.append(i - 1)
            scratch.next.append(i + 1)
        }
        for i in 0..<count - 1 { enqueue(i, i + 1, &scratch) }
        while let entry = scratch.queue.pop() {
            let position = Int(entry & 0xFFFF_FFFF)
            let result = merges.results[Int(entry >> 32)]
            guard scratch.tokens[position] >= 0 else { continue }
            let right = Int(scratch.next[position])
            // An entry is out of date when its pair no longer gives what it did; as in the reference, only the result counts.
            guard right < count, let rank = merges.ranks[scratch.tokens[position], scratch.tokens[right]],
                merges.results[Int(rank)] == result
            else { continue }
            scratch.tokens[position] = result
            scratch.tokens[right] = -1
            let following = Int(scratch.next[right])
            scratch.next[position] = Int32(following)
            if following < count {
                scratch.previous[following] = Int32(position)
                enqueue(position, following, &scratch)
            }
            if position > 0 { enqueue(Int(scratch.previous[position]), position, &scratch) }
        }
    }

    private func enqueue(_ left: Int, _ right: Int, _ scratch: inout Scratch) {
        guard let rank = merges.ranks[scratch.tokens[left], scratch.tokens[right]] else { return }
        scratch.queue.push(UInt64(rank) << 32 | UInt64(left))
    }
}

extension BytePairEncoding {
    /// Which pairs of tokens join, in which order, to what.
    struct Merges: Sendable {
        fileprivate(set) var ranks: PairTable
        /// The token that the merge of a rank gives.
        fileprivate(set) var results: [Int32] = []
        private var joined: [UInt8] = []

        init(capacity: Int) {
            ranks = PairTable(capacity: capacity)
            results.reserveCapacity(capacity)
        }

        /// What is joined, the lowest rank first.
        var pairs: [(left: Int32, right: Int32)] {
            ranks.entries.sorted { $0.value < $1.value }.map { ($0.first, $0.second) }
        }

        /// Adds the merge of the next rank, or says in a few words what is wrong with it.
        mutating func append(_ left: Span<UInt8>, _ right: Span<UInt8>, _ vocabulary: Vocabulary) -> String? {
            joined.removeAll(keepingCapacity: true)
            for i in left.indices { joined.append(left[i]) }
            for i in right.indices { joined.append(right[i]) }
            guard let first = vocabulary.id(of: left), let second = vocabulary.id(of: right),
                let result = vocabulary.id(of: joined.span)
            else { return "names a token that the vocabulary lacks" }
            guard ranks.insert(first, second, Int32(results.count)) else { return "is there twice" }
            results.append(result)
            return nil
        }
    }
}

/// Unknown characters, which become one token each or one token a run; without an unknown token they are left out.
private struct UnknownRun {
    let unknown: Int32?
    let fuses: Bool
    private var pending = false

    init(unknown: Int32?, fuses: Bool) {
        self.unknown = unknown
        self.fuses = fuses
    }

    /// - Parameter id: the character's token, or -1.
    mutating func add(_ id: Int32, to tokens: inout [Int32]) {
        if id >= 0 || !fuses { flush(to: &tokens) }
        if id >= 0 { tokens.append(id) } else { pending = true }
    }

    mutating func flush(to tokens: inout [Int32]) {
        if pending, let unknown { tokens.append(unknown) }
        pending = false
    }
}

/// A binary heap that gives the smallest number first.
private struct MinimumHeap {
    private var items: [UInt64] = []

    mutating func push(_ item: UInt64) {
        items.append(item)
        var child = items.count - 1
        while child > 0 {
            let parent = (child - 1) / 2
            guard items[child] < items[parent] else { return }
            items.swapAt(child, parent)
            child = parent
        }
    }

    mutating func pop() -> UInt64? {
        guard let first = items.first else { return nil }
        let last = items.removeLast()
        guard !items.isEmpty else { return first }
        items[0] = last
        var parent = 0
        while 2 * parent + 1 < items.count {
            var child = 2 * parent + 1
            if child + 1 < items.count, items[child + 1] < items[child] { child += 1 }
            guard items[child] < items[parent] else { break }
            items.swapAt(child, parent)
            parent = child
        }
        return first
    }
}
