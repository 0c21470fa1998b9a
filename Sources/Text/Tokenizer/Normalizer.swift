// Normal forms are in the standard library, which shows them only as system interface; Foundation's need a copy in UTF-16.
@_spi(_Unicode) import Swift

/// What happens to the text before it is cut into words.
enum Normalizer: Sendable {
    /// Unicode's normal form C.
    case composed
    /// Text put before any text that is not empty.
    case prepend([UInt8])
    case replace(ReplacePattern, with: [UInt8])
    /// Drops white space at the ends.
    case strip(left: Bool, right: Bool)
    case characterMap(CharacterMap)

    func apply(_ text: [UInt8]) -> [UInt8] {
        switch self {
        case .composed:
            // U+0300 is the first code point that form C may change; its UTF-8 begins with CC.
            guard text.contains(where: { $0 >= 0xCC }) else { return text }
            var composed = String.UnicodeScalarView()
            for scalar in String(decoding: text, as: UTF8.self)._nfc { composed.append(scalar) }
            return Array(String(composed).utf8)
        case .prepend(let prefix):
            return text.isEmpty ? text : prefix + text
        case .replace(let pattern, let content):
            return pattern.replace(in: text, with: content)
        case .strip(let left, let right):
            var range = text.indices
            while left, !range.isEmpty {
                let (scalar, length) = text.scalar(at: range.lowerBound, end: range.upperBound)
                guard CharacterClass(scalar).isSpace else { break }
                range = range.lowerBound + length..<range.upperBound
            }
            while right, !range.isEmpty {
                let (scalar, length) = text.scalar(before: range.upperBound)
                guard CharacterClass(scalar).isSpace else { break }
                range = range.lowerBound..<range.upperBound - length
            }
            return Array(text[range])
        case .characterMap(let map):
            return map.apply(text)
        }
    }
}

/// What `Replace` looks for, in normalizers and decoders.
enum ReplacePattern: Equatable, Sendable {
    /// This text; with `atLineStart` only at the start or after a line feed that does not end the text. Empty: the line start itself.
    case literal([UInt8], atLineStart: Bool)
    /// Two and more of this byte.
    case run(of: UInt8)

    /// Regular expressions of published tokenizers: `^`, `^ `, ` {2,}`, and characters that stand for themselves (`\n` among them).
    init?(regex: String) {
        if regex == " {2,}" {
            self = .run(of: UInt8(ascii: " "))
            return
        }
        var rest = Array(regex.unicodeScalars)[...]
        let atLineStart = rest.first == "^"
        if atLineStart { rest = rest.dropFirst() }
        var literal: [UInt8] = []
        while let scalar = rest.popFirst() {
            switch scalar {
            case "\\":
                guard rest.popFirst() == "n" else { return nil }
                literal.append(0x0A)
            case "^", "$", ".", "|", "?", "*", "+", "(", ")", "[", "]", "{", "}": return nil
            default: literal += Array(UTF8.encode(scalar)!)
            }
        }
        guard atLineStart || !literal.isEmpty else { return nil }
        self = .literal(literal, atLineStart: atLineStart)
    }

    func replace(in text: [UInt8], with content: [UInt8]) -> [UInt8] {
        var result: [UInt8] = []
        result.reserveCapacity(text.count + text.count / 2 + content.count)
        var position = 0
        while position < text.count {
            switch self {
            case .literal(let literal, let atLineStart):
                let matches = !atLineStart || position == 0 || text[position - 1] == 0x0A
                if matches, text.holds(literal, at: position) {
                    result += content
                    position += literal.count
                    guard literal.isEmpty else { continue }
                }
            case .run(let byte):
                var end = position
                while end < text.count, text[end] == byte { end += 1 }
                if end > position + 1 {
                    result += content
                    position = end
                    continue
                }
            }
            result.append(text[position])
            position += 1
        }
        return result
    }
}
