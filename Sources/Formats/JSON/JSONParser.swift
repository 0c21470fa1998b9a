extension JSON {
    /// Parses one JSON document (RFC 8259; `NaN` and `Infinity` as Python writes them are accepted too).
    ///
    /// - Parameters:
    ///   - bytes: UTF-8, checked.
    ///   - place: names the file in errors.
    ///   - maximumDepth: arrays and objects inside one another; deeper is an error, not a stack overflow.
    /// - Throws: `FormatError` with the byte offset of the first thing that is wrong.
    package static func parse(
        _ bytes: some Collection<UInt8>, place: String, maximumDepth: Int = 128
    ) throws(FormatError) -> JSON {
        let contiguous = Array(bytes)
        var parser = JSONParser(bytes: contiguous, place: place, maximumDepth: maximumDepth)
        return try parser.document()
    }
}

private struct JSONParser {
    let bytes: [UInt8]
    let place: String
    let maximumDepth: Int
    var position = 0

    mutating func document() throws(FormatError) -> JSON {
        let value = try self.value(depth: 0)
        skipSpace()
        guard position == bytes.count else { throw error("text after the end of the JSON document") }
        return value
    }

    func error(_ message: String) -> FormatError {
        FormatError(.corrupt, "\(message) (byte \(position))", place: place)
    }

    mutating func skipSpace() {
        while position < bytes.count, [0x20, 0x0A, 0x0D, 0x09].contains(bytes[position]) { position += 1 }
    }

    mutating func value(depth: Int) throws(FormatError) -> JSON {
        guard depth < maximumDepth else { throw error("JSON nested deeper than \(maximumDepth) levels") }
        skipSpace()
        guard position < bytes.count else { throw error("JSON ends in the middle") }
        switch bytes[position] {
        case UInt8(ascii: "{"): return try object(depth: depth)
        case UInt8(ascii: "["): return try array(depth: depth)
        case UInt8(ascii: "\""): return .string(try string())
        case UInt8(ascii: "t"): return try word("true", .bool(true))
        case UInt8(ascii: "f"): return try word("false", .bool(false))
        case UInt8(ascii: "n"): return try word("null", .null)
        case UInt8(ascii: "N"): return try word("NaN", .number(.nan))
        case UInt8(ascii: "I"): return try word("Infinity", .number(.infinity))
        default: return try number()
        }
    }

    mutating func word(_ word: String, _ value: JSON) throws(FormatError) -> JSON {
        guard bytes[position...].starts(with: word.utf8) else { throw error("not a JSON value") }
        position += word.utf8.count
        return value
    }

    mutating func object(depth: Int) throws(FormatError) -> JSON {
        position += 1
        var members: [JSON.Member] = []
        skipSpace()
        if take("}") { return .object([]) }
        while true {
            skipSpace()
            guard position < bytes.count, bytes[position] == UInt8(ascii: "\"") else {
                throw error("expected a name in quotes")
            }
            let key = try string()
            skipSpace()
            guard take(":") else { throw error("expected ':' after \"\(key)\"") }
            members.append(JSON.Member(key, try value(depth: depth + 1)))
            skipSpace()
            if take("}") { return .object(members) }
            guard take(",") else { throw error("expected ',' or '}'") }
        }
    }

    mutating func array(depth: Int) throws(FormatError) -> JSON {
        position += 1
        var elements: [JSON] = []
        skipSpace()
        if take("]") { return .array([]) }
        while true {
            elements.append(try value(depth: depth + 1))
            skipSpace()
            if take("]") { return .array(elements) }
            guard take(",") else { throw error("expected ',' or ']'") }
        }
    }

    mutating func take(_ character: Unicode.Scalar) -> Bool {
        guard position < bytes.count, bytes[position] == UInt8(ascii: character) else { return false }
        position += 1
        return true
    }

    mutating func string() throws(FormatError) -> String {
        position += 1
        let start = position
        while position < bytes.count, bytes[position] != UInt8(ascii: "\""), bytes[position] != UInt8(ascii: "\\"),
            bytes[position] >= 0x20
        {
            position += 1
        }
        if position < bytes.count, bytes[position] == UInt8(ascii: "\"") {
            defer { position += 1 }
            return try utf8(bytes[start..<position])
        }
        var text = Array(bytes[start..<position])
        while position < bytes.count {
            let byte = bytes[position]
            position += 1
            switch byte {
            case UInt8(ascii: "\""): return try utf8(text[...])
            case UInt8(ascii: "\\"): try escape(into: &text)
            case 0..<0x20: throw error("a control character inside a JSON string")
            default: text.append(byte)
            }
        }
        throw error("a JSON string without its closing quote")
    }

    func utf8(_ slice: ArraySlice<UInt8>) throws(FormatError) -> String {
        guard let text = String(validating: slice, as: UTF8.self) else {
            throw error("a JSON string that is not UTF-8")
        }
        return text
    }

    mutating func escape(into text: inout [UInt8]) throws(FormatError) {
        guard position < bytes.count else { throw error("JSON ends in the middle of an escape") }
        let byte = bytes[position]
        position += 1
        switch byte {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): text.append(byte)
        case UInt8(ascii: "b"): text.append(0x08)
        case UInt8(ascii: "f"): text.append(0x0C)
        case UInt8(ascii: "n"): text.append(0x0A)
        case UInt8(ascii: "r"): text.append(0x0D)
        case UInt8(ascii: "t"): text.append(0x09)
        case UInt8(ascii: "u"):
            var unit = try hexadecimal()
            if (0xD800..<0xDC00).contains(unit), position + 1 < bytes.count,
                bytes[position] == UInt8(ascii: "\\"), bytes[position + 1] == UInt8(ascii: "u")
            {
                let mark = position
                position += 2
                let low = try hexadecimal()
                if (0xDC00..<0xE000).contains(low) {
                    unit = 0x10000 + (unit - 0xD800) << 10 + (low - 0xDC00)
                } else {
                    position = mark
                }
            }
            // A surrogate without its partner is no character: it becomes U+FFFD.
            text.append(contentsOf: String(Unicode.Scalar(unit) ?? "\u{FFFD}").utf8)
        default: throw error("an unknown escape in a JSON string")
        }
    }

    mutating func hexadecimal() throws(FormatError) -> UInt32 {
        guard position + 4 <= bytes.count,
            let text = String(validating: bytes[position..<position + 4], as: UTF8.self),
            text.allSatisfy(\.isHexDigit), let value = UInt32(text, radix: 16)
        else { throw error("\\u needs four hexadecimal digits") }
        position += 4
        return value
    }

    mutating func number() throws(FormatError) -> JSON {
        let start = position
        var isInteger = true
        _ = take("-")
        if position < bytes.count, bytes[position] == UInt8(ascii: "I") {
            _ = try word("Infinity", .null)
            return .number(-.infinity)
        }
        let first = position
        digits()
        guard position > first else { throw error("not a JSON value") }
        guard bytes[first] != UInt8(ascii: "0") || position == first + 1 else {
            throw error("a number that begins with 0")
        }
        if take(".") {
            isInteger = false
            let mark = position
            digits()
            guard position > mark else { throw error("a number without digits after its point") }
        }
        if take("e") || take("E") {
            isInteger = false
            if !take("+") { _ = take("-") }
            let mark = position
            digits()
            guard position > mark else { throw error("a number without digits in its exponent") }
        }
        let text = String(decoding: bytes[start..<position], as: UTF8.self)
        if isInteger, let value = Int64(text) { return .integer(value) }
        guard let value = Double(text) else { throw error("not a number: \(text)") }
        return .number(value)
    }

    mutating func digits() {
        while position < bytes.count, (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(bytes[position]) {
            position += 1
        }
    }
}
