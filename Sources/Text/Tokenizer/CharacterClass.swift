/// What the split patterns of tokenizers tell apart: `\p{L}`, `\p{N}`, `\s` (with the two line ends of its own) and the rest.
enum CharacterClass {
    case letter, number, space, lineEnd, other

    init(_ scalar: Unicode.Scalar) {
        switch scalar.value {
        case 0x61...0x7A, 0x41...0x5A: self = .letter
        case 0x30...0x39: self = .number
        case 0x0A, 0x0D: self = .lineEnd
        case 0x09, 0x0B, 0x0C, 0x20: self = .space
        case 0..<0x80: self = .other
        default:
            let properties = scalar.properties
            switch properties.generalCategory {
            case .uppercaseLetter, .lowercaseLetter, .titlecaseLetter, .modifierLetter, .otherLetter: self = .letter
            case .decimalNumber, .letterNumber, .otherNumber: self = .number
            default: self = properties.isWhitespace ? .space : .other
            }
        }
    }

    var isSpace: Bool { self == .space || self == .lineEnd }
}

extension Unicode.Scalar {
    /// `\w` of Unicode's regular expressions (UTS 18, annex C).
    var isWordCharacter: Bool {
        if isASCII { return CharacterClass(self) == .letter || CharacterClass(self) == .number || self == "_" }
        if properties.isAlphabetic || properties.isJoinControl { return true }
        switch properties.generalCategory {
        case .nonspacingMark, .spacingMark, .enclosingMark, .decimalNumber, .connectorPunctuation: return true
        default: return false
        }
    }
}

/// Code points of UTF-8. The bytes come out of a `String` or a checked file; if they are not UTF-8 after all, a bad byte
/// reads as U+FFFD of length 1 and nothing traps.
extension [UInt8] {
    /// The code point that begins at `start` and its length in bytes; none of the bytes from `end` on is read.
    func scalar(at start: Int, end: Int) -> (scalar: Unicode.Scalar, length: Int) {
        let first = self[start]
        if first < 0x80 { return (Unicode.Scalar(first), 1) }
        let length = first >= 0xF0 ? 4 : first >= 0xE0 ? 3 : 2
        guard first >= 0xC2, start + length <= end else { return ("\u{FFFD}", 1) }
        var value = UInt32(first) & (0x7F >> UInt32(length))
        for byte in self[start + 1..<start + length] { value = value << 6 | UInt32(byte & 0x3F) }
        guard let scalar = Unicode.Scalar(value) else { return ("\u{FFFD}", 1) }
        return (scalar, length)
    }

    /// The code point that ends just before `end`.
    func scalar(before end: Int) -> (scalar: Unicode.Scalar, length: Int) {
        var start = end - 1
        while start > 0, end - start < 4, self[start] & 0xC0 == 0x80 { start -= 1 }
        let (scalar, length) = scalar(at: start, end: end)
        return length == end - start ? (scalar, length) : ("\u{FFFD}", 1)
    }

    /// Whether `other` stands at `start`.
    func holds(_ other: [UInt8], at start: Int) -> Bool {
        guard start + other.count <= count else { return false }
        for i in other.indices where self[start + i] != other[i] { return false }
        return true
    }
}
