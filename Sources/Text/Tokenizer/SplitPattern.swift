/// The regular expressions by which byte-level BPE cuts text into words, as scanners over code points.
/// They are known by their exact text; every code point belongs to a match, so a text is the sequence of its matches.
enum SplitPattern: CaseIterable, Sendable {
    case gpt2, llama3, qwen2

    init?(regex: String) {
        guard let known = Self.allCases.first(where: { $0.regex == regex }) else { return nil }
        self = known
    }

    var regex: String {
        switch self {
        case .gpt2: #"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"#
        case .llama3:
            #"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|"#
                + #"\s*[\r\n]+|\s+(?!\S)|\s+"#
        case .qwen2:
            #"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|"#
                + #"\s*[\r\n]+|\s+(?!\S)|\s+"#
        }
    }

    /// Where the match that begins at `start` ends. `start < end`; the text of the pattern is `start..<end`, no further.
    func matchEnd(_ text: [UInt8], _ start: Int, _ end: Int) -> Int {
        switch self {
        case .gpt2: Scanner(text: text, end: end).gpt2(start)
        case .llama3: Scanner(text: text, end: end).llama3(start, digits: 3)
        case .qwen2: Scanner(text: text, end: end).llama3(start, digits: 1)
        }
    }

    /// `Digits`: each number by itself or whole runs of them, and what is between.
    static func digitsEnd(_ text: [UInt8], _ start: Int, _ end: Int, individually: Bool) -> Int {
        let scanner = Scanner(text: text, end: end)
        let (first, next) = scanner.read(start)
        if first == .number, individually { return next }
        return scanner.skip(from: next) { ($0 == .number) == (first == .number) }
    }
}

private struct Scanner {
    let text: [UInt8]
    let end: Int

    /// The class of the code point at `position`, and where the one after it begins.
    func read(_ position: Int) -> (class: CharacterClass, next: Int) {
        let (scalar, length) = text.scalar(at: position, end: end)
        return (CharacterClass(scalar), position + length)
    }

    func skip(from start: Int, limit: Int = .max, while matches: (CharacterClass) -> Bool) -> Int {
        var position = start
        var left = limit
        while position < end, left > 0 {
            let (kind, next) = read(position)
            guard matches(kind) else { break }
            position = next
            left -= 1
        }
        return position
    }

    func gpt2(_ start: Int) -> Int {
        if let contraction = contraction(start, anyCase: false) { return contraction }
        let (kind, next) = read(start)
        if !kind.isSpace { return skip(from: next) { $0 == kind } }
        if text[start] == UInt8(ascii: " "), next < end {
            let (second, afterSecond) = read(next)
            if !second.isSpace { return skip(from: afterSecond) { $0 == second } }
        }
        return spaces(start)
    }

    func llama3(_ start: Int, digits: Int) -> Int {
        if let contraction = contraction(start, anyCase: true) { return contraction }
        let (kind, next) = read(start)
        if kind == .letter { return skip(from: next) { $0 == .letter } }
        if kind == .number { return skip(from: start, limit: digits) { $0 == .number } }
        let second = next < end ? read(next).class : .space
        if kind != .lineEnd, second == .letter { return skip(from: next) { $0 == .letter } }
        if kind == .other || (text[start] == UInt8(ascii: " ") && second == .other) {
            return skip(from: skip(from: next) { $0 == .other }) { $0 == .lineEnd }
        }
        let run = skip(from: start, while: \.isSpace)
        if let lineEnd = text[start..<run].lastIndex(where: { $0 == 0x0A || $0 == 0x0D }) { return lineEnd + 1 }
        return spaces(start)
    }

    /// `\s+(?!\S)|\s+`: a run of spaces leaves its last one to the word that follows.
    func spaces(_ start: Int) -> Int {
        let run = skip(from: start, while: \.isSpace)
        guard run < end else { return run }
        let last = run - text.scalar(before: run).length
        return last > start ? last : run
    }

    /// `'s|'t|'re|'ve|'m|'ll|'d`; without regard to case ſ (U+017F) is an s.
    func contraction(_ start: Int, anyCase: Bool) -> Int? {
        guard text[start] == UInt8(ascii: "'"), start + 1 < end else { return nil }
        func letter(_ offset: Int) -> UInt8 {
            guard start + offset < end else { return 0 }
            return anyCase ? text[start + offset] | 0x20 : text[start + offset]
        }
        switch (letter(1), letter(2)) {
        case (UInt8(ascii: "s"), _), (UInt8(ascii: "t"), _), (UInt8(ascii: "m"), _), (UInt8(ascii: "d"), _):
            return start + 2
        case (UInt8(ascii: "r"), UInt8(ascii: "e")), (UInt8(ascii: "v"), UInt8(ascii: "e")),
            (UInt8(ascii: "l"), UInt8(ascii: "l")):
            return start + 3
        default:
            return anyCase && start + 2 < end && text[start + 1] == 0xC5 && text[start + 2] == 0xBF ? start + 3 : nil
        }
    }
}
