import Glibc

/// Memory of 4-byte elements, zero at first, given back with the last reference. Pages that nobody touches cost nothing.
package final class Buffer: @unchecked Sendable {
    package let count: Int
    package let raw: UnsafeMutableRawPointer
    private let bytes: Int

    package init(count: Int) {
        self.count = count
        bytes = Swift.max(count * 4, 64)
        guard let memory = mmap(nil, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0),
            memory != MAP_FAILED
        else { fatalError("out of memory: \(bytes) bytes") }
        raw = memory
    }

    package convenience init(_ values: [Float]) {
        self.init(count: values.count)
        for (index, value) in values.enumerated() { floats[index] = value }
    }

    package convenience init(_ values: [Int32]) {
        self.init(count: values.count)
        for (index, value) in values.enumerated() { ints[index] = value }
    }

    deinit { munmap(raw, bytes) }

    /// Gives the pages back to the system; all elements are zero again.
    package func discard() { madvise(raw, bytes, MADV_DONTNEED) }

    package var floats: UnsafeMutablePointer<Float> { raw.assumingMemoryBound(to: Float.self) }
    package var ints: UnsafeMutablePointer<Int32> { raw.assumingMemoryBound(to: Int32.self) }
    package var floatArray: [Float] { Array(UnsafeBufferPointer(start: floats, count: count)) }
}
