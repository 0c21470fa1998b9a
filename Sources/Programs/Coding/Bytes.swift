/// Appends numbers and texts to bytes: variable-length integers (LEB128, 7 bits a byte, least first), signed ones as
/// zigzag, doubles as their 8 bytes, least first.
package struct ByteWriter: Sendable {
    package private(set) var bytes: [UInt8] = []

    package init() {}

    package mutating func write(unsigned value: UInt64) {
        var rest = value
        while rest >= 0x80 {
            bytes.append(UInt8(truncatingIfNeeded: rest) | 0x80)
            rest >>= 7
        }
        bytes.append(UInt8(rest))
    }

    /// A count or an index.
    package mutating func write(count: Int) { write(unsigned: UInt64(count)) }

    package mutating func write(signed value: Int) {
        let value = Int64(value)
        write(unsigned: UInt64(bitPattern: (value << 1) ^ (value >> 63)))
    }

    package mutating func write(double value: Double) {
        for shift in stride(from: 0, to: 64, by: 8) {
            bytes.append(UInt8(truncatingIfNeeded: value.bitPattern >> UInt64(shift)))
        }
    }

    /// The length in bytes, then UTF-8.
    package mutating func write(text: String) {
        write(count: text.utf8.count)
        bytes += Array(text.utf8)
    }

    package mutating func write(raw: [UInt8]) { bytes += raw }
}

/// Takes apart what ``ByteWriter`` wrote. Whatever the bytes hold, it returns or throws: a count is compared with its
/// limit and with the bytes that are left before anything of that size is made. Every value has one coding only, so what
/// was read writes itself again.
package struct ByteReader: Sendable {
    private let bytes: [UInt8]
    package private(set) var offset = 0

    package init(_ bytes: [UInt8]) { self.bytes = bytes }

    package var remaining: Int { bytes.count - offset }

    package func error(_ message: String) -> ProgramError {
        ProgramError("coded program, byte \(offset): \(message)")
    }

    package mutating func byte() throws(ProgramError) -> UInt8 {
        guard offset < bytes.count else { throw error("the bytes end here") }
        defer { offset += 1 }
        return bytes[offset]
    }

    package mutating func unsigned() throws(ProgramError) -> UInt64 {
        var value: UInt64 = 0
        for shift in stride(from: UInt64(0), to: 70, by: 7) {
            let byte = try byte()
            let part = UInt64(byte & 0x7F)
            guard shift < 63 || part <= 1 else { break }
            value |= part << shift
            if byte < 0x80 {
                guard byte != 0 || shift == 0 else { throw error("an integer is longer than it needs to be") }
                return value
            }
        }
        throw error("an integer has more than 64 bits")
    }

    /// A number from 0 to `limit`.
    package mutating func index(upTo limit: Int, _ what: String) throws(ProgramError) -> Int {
        let value = try unsigned()
        guard value <= UInt64(limit) else { throw error("\(what) is \(value), more than \(limit)") }
        return Int(value)
    }

    /// How many of `what` follow, each of at least `size` bytes.
    package mutating func count(upTo limit: Int, ofBytes size: Int = 1, _ what: String) throws(ProgramError) -> Int {
        let count = try index(upTo: limit, "the number of \(what)")
        guard count <= remaining / size else {
            throw error("\(count) \(what) need more than the \(remaining) bytes left")
        }
        return count
    }

    package mutating func signed() throws(ProgramError) -> Int {
        let value = try unsigned()
        return Int(Int64(bitPattern: value >> 1) ^ -Int64(bitPattern: value & 1))
    }

    package mutating func double() throws(ProgramError) -> Double {
        guard remaining >= 8 else { throw error("a number needs 8 bytes; \(remaining) are left") }
        var pattern: UInt64 = 0
        for shift in stride(from: UInt64(0), to: 64, by: 8) { pattern |= UInt64(try byte()) << shift }
        return Double(bitPattern: pattern)
    }

    package mutating func text(upTo limit: Int, _ what: String) throws(ProgramError) -> String {
        let slice = try raw(count(upTo: limit, "bytes of \(what)"))
        guard let text = String(validating: slice, as: UTF8.self) else { throw error("\(what) is not UTF-8") }
        return text
    }

    package mutating func raw(_ count: Int) throws(ProgramError) -> ArraySlice<UInt8> {
        guard count >= 0, count <= remaining else { throw error("\(count) bytes are asked for; \(remaining) are left") }
        defer { offset += count }
        return bytes[offset..<(offset + count)]
    }

    /// That nothing follows.
    package func finish() throws(ProgramError) {
        guard remaining == 0 else { throw error("\(remaining) bytes follow the end") }
    }
}
