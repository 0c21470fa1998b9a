/// A token of a template: text between tags, the tags' ends, and what stands inside them.
struct TemplateToken: Equatable, Sendable {
    enum Kind: Equatable, Sendable {
        case text(String)
        case blockBegin, blockEnd
        case variableBegin, variableEnd
        case name(String)
        case string(String)
        case integer(Int)
        case number(Double)
        case symbol(String)
        case end
    }

    var kind: Kind
    var line: Int

    /// The token as an error message shows it.
    var shown: String {
        switch kind {
        case .text: "text"
        case .blockBegin: "'{%'"
        case .blockEnd: "'%}'"
        case .variableBegin: "'{{'"
        case .variableEnd: "'}}'"
        case .name(let name): "'\(name)'"
        case .string: "a string"
        case .integer(let value): "\(value)"
        case .number(let value): "\(value)"
        case .symbol(let symbol): "'\(symbol)'"
        case .end: "the template's end"
        }
    }
}

/// Splits a template's source as Jinja does with `trim_blocks` and `lstrip_blocks` (the settings of chat templates):
/// the newline after a block tag or comment is dropped, and so are the spaces before one that begins its line.
/// One newline at the template's end is dropped; all newlines become LF.
struct TemplateLexer {
    private let source: [Unicode.Scalar]
    private var position = 0
    private var line = 1
    /// Whether what was read last ended its line, so that a tag may be the first thing on the next one.
    private var startsLine = true
    private var tokens: [TemplateToken] = []

    static func tokens(of source: String) throws(ChatTemplateError) -> [TemplateToken] {
        var lexer = TemplateLexer(source)
        try lexer.run()
        return lexer.tokens
    }

    private init(_ text: String) {
        var scalars: [Unicode.Scalar] = []
        scalars.reserveCapacity(text.utf8.count)
        var afterReturn = false
        for scalar in text.unicodeScalars {
            if !(scalar == "\n" && afterReturn) { scalars.append(scalar == "\r" ? "\n" : scalar) }
            afterReturn = scalar == "\r"
        }
        if scalars.last == "\n" { scalars.removeLast() }
        source = scalars
    }

    private mutating func run() throws(ChatTemplateError) {
        while position < source.count {
            let start = position
            while position < source.count, !isTagBegin(position) { position += 1 }
            let sign = position + 2 < source.count ? source[position + 2] : " "
            addText(start..<position, before: position < source.count ? source[position + 1] : nil, sign: sign)
            guard position < source.count else { break }
            try tag(sign: sign)
        }
        add(.end)
    }

    private func isTagBegin(_ index: Int) -> Bool {
        index + 1 < source.count && source[index] == "{" && ["%", "{", "#"].contains(source[index + 1])
    }

    /// Adds the text before a tag of the kind (`%`, `{`, `#`; nil at the end of the template), stripped as its sign says.
    private mutating func addText(_ range: Range<Int>, before kind: Unicode.Scalar?, sign: Unicode.Scalar) {
        var end = range.upperBound
        if kind != nil, sign == "-" {
            while end > range.lowerBound, source[end - 1].isPythonSpace { end -= 1 }
        } else if kind == "%" || kind == "#", sign != "+" {
            var lineStart = end
            while lineStart > range.lowerBound, source[lineStart - 1] != "\n" { lineStart -= 1 }
            let beginsLine = lineStart > range.lowerBound || startsLine
            if beginsLine, source[lineStart..<end].allSatisfy(\.isPythonSpace) { end = lineStart }
        }
        if end > range.lowerBound { add(.text(text(range.lowerBound..<end))) }
        line += source[range].count { $0 == "\n" }
    }

    private mutating func tag(sign: Unicode.Scalar) throws(ChatTemplateError) {
        let kind = source[position + 1]
        let begin = line
        position += sign == "-" || sign == "+" ? 3 : 2
        switch kind {
        case "#":
            let start = position
            while position < source.count, !matches("#}", at: position) { advance() }
            guard position < source.count else { throw fail("a comment '{#' without its end", line: begin) }
            let mark = position > start ? source[position - 1] : " "
            position += 2
            skipAfterTag(stripping: mark == "-", newline: mark != "+")
        case "%":
            if try raw() { return }
            add(.blockBegin)
            try inside(until: "%")
        default:
            add(.variableBegin)
            try inside(until: "}")
        }
    }

    /// After a tag: its `-` takes all white space, else a block or comment takes one newline.
    private mutating func skipAfterTag(stripping: Bool, newline: Bool) {
        startsLine = false
        if stripping {
            while position < source.count, source[position].isPythonSpace {
                startsLine = source[position] == "\n"
                advance()
            }
        } else if newline, position < source.count, source[position] == "\n" {
            startsLine = true
            advance()
        }
    }

    private mutating func advance() {
        if source[position] == "\n" { line += 1 }
        position += 1
    }

    private mutating func skipSpace() {
        while position < source.count, source[position].isPythonSpace { advance() }
    }

    /// `{% raw %}…{% endraw %}`, once `{%` has been read; false, with nothing consumed, where this is another tag.
    private mutating func raw() throws(ChatTemplateError) -> Bool {
        let (mark, begin) = (position, line)
        skipSpace()
        let isRaw = takeWord("raw")
        if isRaw { skipSpace() }
        let stripping = matches("-%}", at: position)
        guard isRaw, stripping || matches("%}", at: position) else {
            (position, line) = (mark, begin)
            return false
        }
        position += stripping ? 3 : 2
        skipAfterTag(stripping: stripping, newline: false)
        let start = position
        while position < source.count {
            if matches("{%", at: position) {
                let tagStart = position
                let sign = position + 2 < source.count ? source[position + 2] : " "
                var scan = self
                scan.position += sign == "-" || sign == "+" ? 3 : 2
                scan.skipSpace()
                if scan.takeWord("endraw") {
                    scan.skipSpace()
                    let mark: Unicode.Scalar = scan.position < source.count ? source[scan.position] : " "
                    if mark == "-" || mark == "+" { scan.position += 1 }
                    if scan.matches("%}", at: scan.position) {
                        addText(start..<tagStart, before: "%", sign: sign)
                        position = scan.position + 2
                        skipAfterTag(stripping: mark == "-", newline: mark != "+")
                        return true
                    }
                }
            }
            position += 1
        }
        throw fail("'{% raw %}' without '{% endraw %}'", line: begin)
    }

    private mutating func takeWord(_ word: String) -> Bool {
        guard matches(word, at: position) else { return false }
        let end = position + word.unicodeScalars.count
        if end < source.count, source[end].isNamePart { return false }
        position = end
        return true
    }

    /// The tokens inside a tag, up to and with its end.
    private mutating func inside(until end: Unicode.Scalar) throws(ChatTemplateError) {
        let begin = line
        let isBlock = end == "%"
        var open: [Unicode.Scalar] = []
        while true {
            skipSpace()
            guard position < source.count else {
                throw fail("'\(isBlock ? "{%" : "{{")' without its end", line: begin)
            }
            if open.isEmpty {
                let sign = source[position]
                let skip = sign == "-" || (sign == "+" && isBlock) ? 1 : 0
                if matches(isBlock ? "%}" : "}}", at: position + skip) {
                    position += skip + 2
                    add(isBlock ? .blockEnd : .variableEnd)
                    skipAfterTag(stripping: sign == "-", newline: isBlock && sign != "+")
                    return
                }
            }
            try token(open: &open)
        }
    }

    private mutating func token(open: inout [Unicode.Scalar]) throws(ChatTemplateError) {
        let first = source[position]
        let begin = line
        if first == "'" || first == "\"" {
            let (text, end) = try TemplateLiteral.string(in: source, from: position, line: line)
            tokens.append(TemplateToken(kind: .string(text), line: begin))
            while position < end { advance() }
        } else if first.isDigit {
            let (kind, end) = try TemplateLiteral.number(in: source, from: position, line: line)
            add(kind)
            position = end
        } else if first.isNamePart {
            let start = position
            while position < source.count, source[position].isNamePart { position += 1 }
            add(.name(text(start..<position)))
        } else if let symbol = Self.symbols.first(where: { matches($0, at: position) }) {
            switch first {
            case "(", "[", "{": open.append(first)
            case ")", "]", "}":
                let partner: Unicode.Scalar = first == ")" ? "(" : first == "]" ? "[" : "{"
                guard open.popLast() == partner else { throw fail("'\(first)' without its '\(partner)'", line: line) }
            default: break
            }
            add(.symbol(symbol))
            position += symbol.unicodeScalars.count
        } else {
            throw fail("the character '\(first)' inside a tag", line: line)
        }
    }

    private static let symbols = [
        "//", "**", "==", "!=", ">=", "<=", "+", "-", "/", "*", "%", "~", "[", "]", "(", ")", "{", "}", ">", "<", "=",
        ".", ":", "|", ",",
    ]

    private func matches(_ text: String, at index: Int) -> Bool {
        index <= source.count && source[index...].starts(with: text.unicodeScalars)
    }

    private func text(_ range: Range<Int>) -> String {
        var view = String.UnicodeScalarView()
        view.append(contentsOf: source[range])
        return String(view)
    }

    private mutating func add(_ kind: TemplateToken.Kind) {
        tokens.append(TemplateToken(kind: kind, line: line))
    }

    private func fail(_ message: String, line: Int) -> ChatTemplateError {
        ChatTemplateError(.syntax, message, line: line)
    }
}
