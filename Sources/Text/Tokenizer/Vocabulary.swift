/// Token texts and their ids, both ways. Texts are bytes: `String` takes é and e + ◌́ for the same key, a tokenizer does not.
struct Vocabulary: Sendable {
    /// More ids than any published model has; a file that claims more is refused before memory is set aside.
    static let maximumID = 1 << 22

    private var pool: [UInt8] = []
    /// Where in `pool` the text of an id is; -1 where the file leaves a gap.
    private var places: [(start: Int, count: Int)] = []
    /// Open addressing, at most half full; id -1 is empty. The hash saves most looks at the text.
    private var table: [(id: Int32, hash: UInt32)]
    private(set) var count = 0

    init(capacity: Int) {
        let size = 1 << (Int.bitWidth - (max(capacity, 8) * 2 - 1).leadingZeroBitCount)
        table = Array(repeating: (-1, 0), count: size)
        places.reserveCapacity(capacity)
        pool.reserveCapacity(capacity * 8)
    }

    /// One more than the largest id.
    var endID: Int { places.count }

    enum Conflict {
        case idOutOfRange
        case idTaken
        case textTaken(by: Int32)
    }

    /// Adds a token, or says what forbids it. No more tokens than `capacity` may be added.
    mutating func insert(_ text: String, id: Int) -> Conflict? {
        guard (0..<Self.maximumID).contains(id) else { return .idOutOfRange }
        guard id >= places.count || places[id].start < 0 else { return .idTaken }
        let start = pool.count
        pool.append(contentsOf: text.utf8)
        let (slot, hash) = slot(of: pool.span.extracting(start...))
        guard table[slot].id < 0 else {
            pool.removeSubrange(start...)
            return .textTaken(by: table[slot].id)
        }
        table[slot] = (Int32(id), hash)
        while places.count <= id { places.append((-1, 0)) }
        places[id] = (start, pool.count - start)
        count += 1
        return nil
    }

    func id(of text: Span<UInt8>) -> Int32? {
        let id = table[slot(of: text).slot].id
        return id < 0 ? nil : id
    }

    func id(of text: String) -> Int32? { id(of: Array(text.utf8).span) }

    func text(of id: Int32) -> ArraySlice<UInt8>? {
        guard id >= 0, id < places.count, places[Int(id)].start >= 0 else { return nil }
        let (start, count) = places[Int(id)]
        return pool[start..<start + count]
    }

    /// The ids of `<0x00>` to `<0xFF>`, -1 where there is none.
    var byteTokens: [Int32] {
        (0...255).map { byte in
            let digits = String(byte, radix: 16, uppercase: true)
            return id(of: "<0x\(digits.count == 1 ? "0" : "")\(digits)>") ?? -1
        }
    }

    /// The slot that holds the text, or the empty one where it belongs, and the text's hash: FNV-1a, folded.
    private func slot(of text: Span<UInt8>) -> (slot: Int, hash: UInt32) {
        var wide: UInt64 = 0xCBF2_9CE4_8422_2325
        for i in text.indices { wide = (wide ^ UInt64(text[i])) &* 0x100_0000_01B3 }
        let hash = UInt32(truncatingIfNeeded: wide ^ wide >> 32)
        let mask = table.count - 1
        var slot = Int(hash) & mask
        while table[slot].id >= 0, table[slot].hash != hash || !holds(text, table[slot].id) { slot = (slot + 1) & mask }
        return (slot, hash)
    }

    private func holds(_ text: Span<UInt8>, _ id: Int32) -> Bool {
        let (start, count) = places[Int(id)]
        guard count == text.count else { return false }
        for i in text.indices where text[i] != pool[start + i] { return false }
        return true
    }
}
