/// Turns token texts back into text, step by step; tokens are bytes throughout.
struct TokenDecoder: Sendable {
    enum Step: Sendable {
        /// Byte-level BPE's letters become the bytes they stand for, all tokens together; bad UTF-8 becomes U+FFFD.
        case byteLevel
        /// `<0xE3>` and its like become bytes; a run of them that is not UTF-8 becomes a U+FFFD for each.
        case byteFallback
        /// All tokens become one.
        case fuse
        /// Drops this text up to so many times at both ends of each token.
        case strip([UInt8], start: Int, stop: Int)
        case replace(ReplacePattern, with: [UInt8])
        case metaspace(Metaspace)
    }

    /// Nil: tokens with a space between them.
    var steps: [Step]?

    func decode(_ tokens: [[UInt8]]) -> String {
        guard let steps else { return String(decoding: Array(tokens.joined(separator: [0x20])), as: UTF8.self) }
        var tokens = tokens
        for step in steps { tokens = step.apply(tokens) }
        return String(decoding: Array(tokens.joined()), as: UTF8.self)
    }
}

extension TokenDecoder.Step {
    fileprivate func apply(_ tokens: [[UInt8]]) -> [[UInt8]] {
        switch self {
        case .byteLevel:
            let bytes = tokens.flatMap { ByteAlphabet.bytes(of: $0[...]) ?? $0 }
            return [Array(String(decoding: bytes, as: UTF8.self).utf8)]
        case .byteFallback: return joinBytes(tokens)
        case .fuse: return [Array(tokens.joined())]
        case .strip(let content, let start, let stop):
            return tokens.map { token in
                var range = token.indices
                for _ in 0..<start where range.count >= content.count {
                    guard token[range].starts(with: content) else { break }
                    range = range.lowerBound + content.count..<range.upperBound
                }
                for _ in 0..<stop where range.count >= content.count {
                    guard token[range].suffix(content.count).elementsEqual(content) else { break }
                    range = range.lowerBound..<range.upperBound - content.count
                }
                return Array(token[range])
            }
        case .replace(let pattern, let content): return tokens.map { pattern.replace(in: $0, with: content) }
        case .metaspace(let metaspace):
            return tokens.enumerated().map { index, token in
                let space: [UInt8] = index == 0 && metaspace.prepend != .never ? [] : [0x20]
                return ReplacePattern.literal(metaspace.replacement, atLineStart: false).replace(in: token, with: space)
            }
        }
    }

    private func joinBytes(_ tokens: [[UInt8]]) -> [[UInt8]] {
        var result: [[UInt8]] = []
        var run: [UInt8] = []
        func flush() {
            guard !run.isEmpty else { return }
            let isText = String(validating: run, as: UTF8.self) != nil
            result.append(isText ? run : run.flatMap { _ in "\u{FFFD}".utf8 })
            run = []
        }
        for token in tokens {
            if let byte = Self.byte(token) {
                run.append(byte)
            } else {
                flush()
                result.append(token)
            }
        }
        flush()
        return result
    }

    /// The byte that `<0xE3>` stands for.
    private static func byte(_ token: [UInt8]) -> UInt8? {
        guard token.count == 6, token.starts(with: "<0x".utf8), token[5] == UInt8(ascii: ">") else { return nil }
        guard let high = digit(token[3]), let low = digit(token[4]) else { return nil }
        return high << 4 | low
    }

    private static func digit(_ byte: UInt8) -> UInt8? {
        Character(Unicode.Scalar(byte)).hexDigitValue.map { UInt8($0) }
    }
}
