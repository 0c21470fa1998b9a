import Glibc

/// Elements of 4 bytes, at a multiple of 64, between two bands whose bytes nobody may change.
final class GuardedArray {
    private static let band = 4096
    private static let mark: UInt8 = 0xA7

    let count: Int
    private let memory: UnsafeMutableRawPointer

    /// - Parameter bits: of the elements.
    init(_ bits: [UInt32]) {
        count = bits.count
        memory = .allocate(byteCount: 2 * Self.band + count * 4, alignment: 64)
        memset(memory, Int32(Self.mark), 2 * Self.band + count * 4)
        elements.copyMemory(from: bits, byteCount: count * 4)
    }

    deinit { memory.deallocate() }

    var elements: UnsafeMutableRawPointer { memory + Self.band }

    var bits: [UInt32] {
        Array(UnsafeBufferPointer(start: elements.assumingMemoryBound(to: UInt32.self), count: count))
    }

    /// How many bytes from the array's begin the changed byte of a band lies that is nearest to the array; nil where both
    /// bands are whole.
    var damage: Int? {
        let behind = Self.band + count * 4
        for offset in 0..<Self.band {
            for place in [behind + offset, Self.band - 1 - offset]
            where memory.load(fromByteOffset: place, as: UInt8.self) != Self.mark {
                return place - Self.band
            }
        }
        return nil
    }
}
