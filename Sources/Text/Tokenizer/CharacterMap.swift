import Formats

/// SentencePiece's precompiled character map (nmt_nfkc and others): a double-array trie in the form of darts-clone, whose
/// values are offsets of NUL-terminated replacements.
///
/// It is applied as Hugging Face's tokenizers apply it, not as SentencePiece: to grapheme clusters below 6 bytes as a whole, of
/// which the shortest entry that begins them replaces all, else code point by code point.
struct CharacterMap: Sendable {
    private let units: [UInt32]
    private let replacements: [UInt8]

    /// - Parameter bytes: size of the trie in bytes (32 bits, little-endian), the trie's 32-bit units, the replacements.
    init(_ bytes: [UInt8], place: String) throws(FormatError) {
        func word(_ at: Int) -> UInt32 {
            UInt32(bytes[at]) | UInt32(bytes[at + 1]) << 8 | UInt32(bytes[at + 2]) << 16 | UInt32(bytes[at + 3]) << 24
        }
        guard bytes.count >= 8 else {
            throw FormatError(.truncated, "the character map has \(bytes.count) bytes and no trie", place: place)
        }
        let size = Int(word(0))
        guard size >= 4, size % 4 == 0, size <= bytes.count - 4 else {
            throw FormatError(
                .corrupt, "the character map promises a trie of \(size) bytes in \(bytes.count - 4)", place: place)
        }
        units = stride(from: 4, to: 4 + size, by: 4).map(word)
        replacements = Array(bytes[(4 + size)...])
        // A leaf has the top bit set; its value must be the start of a character.
        for unit in units where unit >> 31 == 1 {
            let offset = Int(unit & 0x7FFF_FFFF)
            guard offset < replacements.count, replacements[offset] & 0xC0 != 0x80 else {
                throw FormatError(
                    .corrupt, "the character map points to byte \(offset) of \(replacements.count)", place: place)
            }
        }
        guard String(validating: replacements, as: UTF8.self) != nil else {
            throw FormatError(.corrupt, "the character map's replacements are not UTF-8", place: place)
        }
    }

    /// What it was read from.
    var bytes: [UInt8] {
        ([UInt32(units.count * 4)] + units).flatMap { unit in
            (0..<4).map { UInt8(truncatingIfNeeded: unit >> (8 * $0)) }
        } + replacements
    }

    func apply(_ text: [UInt8]) -> [UInt8] {
        var result: [UInt8] = []
        result.reserveCapacity(text.count)
        for cluster in String(decoding: text, as: UTF8.self) {
            let bytes = Array(cluster.utf8)
            if bytes.count < 6, let replacement = replacement(of: bytes[...]) {
                result += replacement
                continue
            }
            var position = 0
            while position < bytes.count {
                let end = position + bytes.scalar(at: position, end: bytes.count).length
                result += replacement(of: bytes[position..<end]) ?? bytes[position..<end]
                position = end
            }
        }
        return result
    }

    /// The replacement of the shortest entry that `key` begins with.
    private func replacement(of key: ArraySlice<UInt8>) -> ArraySlice<UInt8>? {
        func offset(_ unit: UInt32) -> Int { Int((unit >> 10) << (unit >> 6 & 8)) }
        var node = offset(units[0])
        for byte in key {
            guard byte != 0 else { return nil }
            node ^= Int(byte)
            guard node < units.count, units[node] & 0x8000_00FF == UInt32(byte) else { return nil }
            let unit = units[node]
            node ^= offset(unit)
            guard unit >> 8 & 1 == 1 else { continue }
            guard node < units.count else { return nil }
            let start = Int(units[node] & 0x7FFF_FFFF)
            guard start < replacements.count else { return nil }
            return replacements[start...].prefix { $0 != 0 }
        }
        return nil
    }
}
