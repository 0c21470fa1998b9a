/// Python's operations on strings: by code points, not by what readers see as one character.
enum TemplateStrings {
    /// The byte offsets at which `part` occurs in `text`, without overlaps, by Knuth, Morris and Pratt's search, whose time is
    /// linear whatever the texts are.
    static func places(of part: String, in text: String) -> [Int] {
        let (needle, hay) = (Array(part.utf8), Array(text.utf8))
        guard !needle.isEmpty else { return [0] }
        guard needle.count <= hay.count else { return [] }
        // failures[i]: the length of the longest proper border of needle[...i].
        var failures = [Int](repeating: 0, count: needle.count)
        var border = 0
        for index in needle.indices.dropFirst() {
            while border > 0, needle[index] != needle[border] { border = failures[border - 1] }
            if needle[index] == needle[border] { border += 1 }
            failures[index] = border
        }
        var places: [Int] = []
        var matched = 0
        for (index, byte) in hay.enumerated() {
            while matched > 0, byte != needle[matched] { matched = failures[matched - 1] }
            if byte == needle[matched] { matched += 1 }
            if matched == needle.count {
                places.append(index + 1 - matched)
                matched = 0
            }
        }
        return places
    }

    /// The parts between occurrences of a separator that is not empty; at most `limit` cuts, from the left or the right.
    static func split(_ text: String, by separator: String, limit: Int, fromRight: Bool = false) -> [String] {
        let bytes = Array(text.utf8)
        let cuts: [Int]
        if fromRight {
            let (count, width) = (bytes.count, separator.utf8.count)
            let backwards = places(of: reversed(separator), in: reversed(text))
            cuts = backwards.prefix(limit).reversed().map { count - $0 - width }
        } else {
            cuts = Array(places(of: separator, in: text).prefix(limit))
        }
        var parts: [String] = []
        var start = 0
        for cut in cuts {
            parts.append(String(decoding: bytes[start..<cut], as: UTF8.self))
            start = cut + separator.utf8.count
        }
        return parts + [String(decoding: bytes[start...], as: UTF8.self)]
    }

    static func reversed(_ text: String) -> String {
        var view = String.UnicodeScalarView()
        view.append(contentsOf: text.unicodeScalars.reversed())
        return String(view)
    }

    /// The words between runs of white space; after `limit` cuts the rest stays whole.
    static func words(_ text: String, limit: Int, fromRight: Bool = false) -> [String] {
        var rest = text.unicodeScalars[...]
        var words: [String] = []
        while true {
            rest = strip(rest, left: !fromRight, right: fromRight) { $0.isPythonSpace }
            if rest.isEmpty { break }
            if words.count == limit {
                words.append(String(rest))
                break
            }
            if fromRight {
                let start = rest.lastIndex(where: \.isPythonSpace).map { rest.index(after: $0) } ?? rest.startIndex
                words.append(String(rest[start...]))
                rest = rest[..<start]
            } else {
                let end = rest.firstIndex(where: \.isPythonSpace) ?? rest.endIndex
                words.append(String(rest[..<end]))
                rest = rest[end...]
            }
        }
        return fromRight ? words.reversed() : words
    }

    /// Lines without their ends, as `str.splitlines` finds them.
    static func lines(_ text: String) -> [String] {
        var lines: [String] = []
        var line = String.UnicodeScalarView()
        var isOpen = false
        var afterReturn = false
        for scalar in text.unicodeScalars {
            defer { afterReturn = scalar == "\r" }
            switch scalar {
            case "\n" where afterReturn: continue
            case "\n", "\r", "\u{B}", "\u{C}", "\u{1C}", "\u{1D}", "\u{1E}", "\u{85}", "\u{2028}", "\u{2029}":
                lines.append(String(line))
                line = String.UnicodeScalarView()
                isOpen = false
            default:
                line.append(scalar)
                isOpen = true
            }
        }
        return isOpen ? lines + [String(line)] : lines
    }

    /// The text without white space, or without the code points of `characters`, at its ends.
    static func strip(_ text: String, _ characters: String?, left: Bool = true, right: Bool = true) -> String {
        let set = characters.map { Set($0.unicodeScalars) }
        return String(
            strip(text.unicodeScalars[...], left: left, right: right) { scalar in
                set?.contains(scalar) ?? scalar.isPythonSpace
            })
    }

    private static func strip(
        _ text: Substring.UnicodeScalarView, left: Bool, right: Bool, _ isDropped: (Unicode.Scalar) -> Bool
    ) -> Substring.UnicodeScalarView {
        var rest = text
        while left, let first = rest.first, isDropped(first) { rest.removeFirst() }
        while right, let last = rest.last, isDropped(last) { rest.removeLast() }
        return rest
    }

    /// The first `limit` occurrences replaced; of an empty `old`, the places between all code points.
    static func replace(_ text: String, _ old: String, _ new: String, limit: Int) -> String {
        guard old.isEmpty else { return split(text, by: old, limit: limit).joined(separator: new) }
        var out = ""
        var done = 0
        for scalar in text.unicodeScalars {
            if done < limit { out += new }
            done += 1
            out.unicodeScalars.append(scalar)
        }
        return done < limit ? out + new : out
    }

    static func hasPrefix(_ text: String, _ prefix: String) -> Bool { text.utf8.starts(with: prefix.utf8) }

    static func hasSuffix(_ text: String, _ suffix: String) -> Bool {
        text.utf8.reversed().starts(with: suffix.utf8.reversed())
    }

    // MARK: Cases

    static func uppercased(_ text: String) -> String {
        text.unicodeScalars.reduce(into: "") { $0 += $1.properties.uppercaseMapping }
    }

    static func lowercased(_ text: String) -> String {
        let scalars = Array(text.unicodeScalars)
        return scalars.indices.reduce(into: "") { out, index in
            out += scalars[index] == "Σ" && isFinal(index, scalars) ? "ς" : scalars[index].properties.lowercaseMapping
        }
    }

    /// Unicode's Final_Sigma: a cased letter before it, none after it, whatever ignorable is between.
    private static func isFinal(_ index: Int, _ scalars: [Unicode.Scalar]) -> Bool {
        func isCased(_ scalar: Unicode.Scalar?) -> Bool { scalar?.properties.isCased ?? false }
        return isCased(scalars[..<index].last { !$0.properties.isCaseIgnorable })
            && !isCased(scalars[(index + 1)...].first { !$0.properties.isCaseIgnorable })
    }

    /// The first letter in its title case, the others in lower case.
    static func capitalized(_ text: String) -> String {
        guard let first = text.unicodeScalars.first else { return "" }
        let rest = lowercased(text).unicodeScalars.dropFirst(first.properties.lowercaseMapping.unicodeScalars.count)
        return first.properties.titlecaseMapping + String(rest)
    }
}
