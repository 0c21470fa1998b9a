/// Reads the literals of the template language, which are Python's.
enum TemplateLiteral {
    /// The quoted string that begins at `start`, and the position after it. Escapes are Python's; an unknown one keeps its backslash.
    static func string(
        in source: [Unicode.Scalar], from start: Int, line: Int
    ) throws(ChatTemplateError) -> (String, Int) {
        let quote = source[start]
        var text = String.UnicodeScalarView()
        var position = start + 1
        while position < source.count {
            let scalar = source[position]
            position += 1
            if scalar == quote { return (String(text), position) }
            guard scalar == "\\", position < source.count else {
                text.append(scalar)
                continue
            }
            let escape = source[position]
            position += 1
            if let plain = plainEscapes[escape] {
                text.append(plain)
            } else if escape == "\n" {
                continue
            } else if let digits = ["x": 2, "u": 4, "U": 8][escape] {
                let hexadecimal = String(source[position...].prefix(digits).map(Character.init))
                guard hexadecimal.utf8.count == digits, hexadecimal.allSatisfy(\.isHexDigit),
                    let value = UInt32(hexadecimal, radix: 16), let decoded = Unicode.Scalar(value)
                else {
                    throw ChatTemplateError(
                        .syntax, "the escape '\\\(escape)\(hexadecimal)' is no character", line: line)
                }
                text.append(decoded)
                position += digits
            } else if ("0"..."7").contains(escape) || escape == "N" {
                throw ChatTemplateError(.unsupported, "the escape '\\\(escape)' in a string", line: line)
            } else {
                text.append("\\")
                text.append(escape)
            }
        }
        throw ChatTemplateError(.syntax, "a string without its closing quote", line: line)
    }

    private static let plainEscapes: [Unicode.Scalar: Unicode.Scalar] = [
        "n": "\n", "t": "\t", "r": "\r", "\\": "\\", "'": "'", "\"": "\"",
        "a": "\u{7}", "b": "\u{8}", "f": "\u{C}", "v": "\u{B}",
    ]

    /// The decimal number that begins at `start`, and the position after it.
    static func number(
        in source: [Unicode.Scalar], from start: Int, line: Int
    ) throws(ChatTemplateError) -> (TemplateToken.Kind, Int) {
        var position = start
        var text = ""
        func isDigit(_ index: Int) -> Bool { index < source.count && source[index].isDigit }
        func digits() {
            while isDigit(position) || (position < source.count && source[position] == "_" && isDigit(position + 1)) {
                if source[position] != "_" { text.unicodeScalars.append(source[position]) }
                position += 1
            }
        }
        digits()
        var isInteger = true
        if position < source.count, source[position] == ".", isDigit(position + 1) {
            isInteger = false
            text += "."
            position += 1
            digits()
        }
        if position < source.count, source[position] == "e" || source[position] == "E" {
            let isSigned = position + 1 < source.count && ["+", "-"].contains(source[position + 1])
            if isDigit(position + (isSigned ? 2 : 1)) {
                isInteger = false
                text += isSigned && source[position + 1] == "-" ? "e-" : "e"
                position += isSigned ? 2 : 1
                digits()
            }
        }
        guard position == source.count || !source[position].isNamePart else {
            throw ChatTemplateError(.unsupported, "a number such as '\(text)\(source[position])…'", line: line)
        }
        if isInteger {
            guard let value = Int(text), text == "0" || text.first != "0" else {
                throw ChatTemplateError(.unsupported, "the number \(text)", line: line)
            }
            return (.integer(value), position)
        }
        guard let value = Double(text) else { throw ChatTemplateError(.syntax, "the number \(text)", line: line) }
        return (.number(value), position)
    }
}

extension Unicode.Scalar {
    /// What Python's `str.isspace` says: Unicode's white space and the four information separators.
    var isPythonSpace: Bool { properties.isWhitespace || (0x1C...0x1F).contains(value) }
    var isDigit: Bool { ("0"..."9").contains(self) }
    /// Whether this may stand in a name (names in templates are ASCII).
    var isNamePart: Bool { isASCII && (properties.isAlphabetic || isDigit || self == "_") }
}
