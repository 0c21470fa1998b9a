/// Token texts and their ids, both ways. Texts are bytes: `String` takes é and e + ◌́ for the same key, a tokenizer does not.
struct Vocabulary: Sendable {
    /// More ids than any published model has; a file that claims more is refused before memory is set aside.
    static let maximumID = 1 << 22

    private var pool: [UInt8] = []
    /// Where in `pool` the text of an id is; nil where the file leaves a gap.
    private var ranges: [Range<Int>?] = []
    /// Open addressing, at most half full; -1 is empty.
    private var table: [Int32]
    private(set) var count = 0

    init(capacity: Int) {
        table = Array(repeating: -1, count: 1 << (Int.bitWidth - (max(capacity, 8) * 2 - 1).leadingZeroBitCount))
        ranges.reserveCapacity(capacity)
        pool.reserveCapacity(capacity * 8)
    }

    /// One more than the largest id.
    var endID: Int { ranges.count }

    enum Conflict {
        case idOutOfRange
        case idTaken
        case textTaken(by: Int32)
    }

    /// Adds a token, or says what forbids it. No more tokens than `capacity` may be added.
    mutating func insert(_ text: String, id: Int) -> Conflict? {
        guard (0..<Self.maximumID).contains(id) else { return .idOutOfRange }
        guard id >= ranges.count || ranges[id] == nil else { return .idTaken }
        let start = pool.count
        pool.append(contentsOf: text.utf8)
        let index = slot(of: pool.span.extracting(start...))
        guard table[index] < 0 else {
            pool.removeSubrange(start...)
            return .textTaken(by: table[index])
        }
        table[index] = Int32(id)
        while ranges.count <= id { ranges.append(nil) }
        ranges[id] = start..<pool.count
        count += 1
        return nil
    }

    func id(of text: Span<UInt8>) -> Int32? {
        let id = table[slot(of: text)]
        return id < 0 ? nil : id
    }

    func id(of text: String) -> Int32? { id(of: Array(text.utf8).span) }

    func text(of id: Int32) -> ArraySlice<UInt8>? {
        guard id >= 0, id < ranges.count, let range = ranges[Int(id)] else { return nil }
        return pool[range]
    }

    /// The ids of `<0x00>` to `<0xFF>`, -1 where there is none.
    var byteTokens: [Int32] {
        (0...255).map { byte in
            let digits = String(byte, radix: 16, uppercase: true)
            return id(of: "<0x\(digits.count == 1 ? "0" : "")\(digits)>") ?? -1
        }
    }

    /// FNV-1a, its high bits folded down.
    private func slot(of text: Span<UInt8>) -> Int {
        var hash: UInt64 = 0xCBF2_9CE4_8422_2325
        for i in text.indices { hash = (hash ^ UInt64(text[i])) &* 0x100_0000_01B3 }
        let mask = table.count - 1
        var index = Int(truncatingIfNeeded: hash ^ hash >> 32) & mask
        while table[index] >= 0, !holds(text, table[index]) { index = (index + 1) & mask }
        return index
    }

    private func holds(_ text: Span<UInt8>, _ id: Int32) -> Bool {
        guard let range = ranges[Int(id)], range.count == text.count else { return false }
        for i in text.indices where text[i] != pool[range.lowerBound + i] { return false }
        return true
    }
}
