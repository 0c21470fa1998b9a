/// A hash table from two numbers to one: merges (left id, right id → rank) and the edges of a trie (node, byte → node).
/// Open addressing, at most half full.
struct PairTable: Sendable {
    private struct Slot {
        var key = UInt64.max
        var value: Int32 = 0
    }

    private var slots: [Slot]
    private var count = 0

    init(capacity: Int = 8) {
        slots = Array(repeating: Slot(), count: 1 << (Int.bitWidth - (max(capacity, 8) * 2 - 1).leadingZeroBitCount))
    }

    subscript(_ first: Int32, _ second: Int32) -> Int32? {
        let slot = slots[index(of: Self.key(first, second))]
        return slot.key == .max ? nil : slot.value
    }

    /// False, and nothing changes, where the pair is there already. The first number is never negative.
    mutating func insert(_ first: Int32, _ second: Int32, _ value: Int32) -> Bool {
        if (count + 1) * 2 > slots.count { grow() }
        let key = Self.key(first, second)
        let index = index(of: key)
        guard slots[index].key == .max else { return false }
        slots[index] = Slot(key: key, value: value)
        count += 1
        return true
    }

    /// All pairs and their numbers, in no order.
    var entries: [(first: Int32, second: Int32, value: Int32)] {
        slots.compactMap { slot in
            guard slot.key != .max else { return nil }
            return (
                Int32(truncatingIfNeeded: slot.key >> 32), Int32(truncatingIfNeeded: slot.key), slot.value
            )
        }
    }

    private static func key(_ first: Int32, _ second: Int32) -> UInt64 {
        UInt64(UInt32(bitPattern: first)) << 32 | UInt64(UInt32(bitPattern: second))
    }

    /// The slot that holds the key, or the empty one where it belongs.
    private func index(of key: UInt64) -> Int {
        let mask = slots.count - 1
        // Fibonacci hashing: the highest bits of the product depend on all bits of the key.
        var index = Int(truncatingIfNeeded: (key &* 0x9E37_79B9_7F4A_7C15) >> UInt64(64 - mask.nonzeroBitCount))
        while slots[index].key != key, slots[index].key != .max { index = (index + 1) & mask }
        return index
    }

    private mutating func grow() {
        let old = slots
        slots = Array(repeating: Slot(), count: old.count * 2)
        for slot in old where slot.key != .max { slots[index(of: slot.key)] = slot }
    }
}
