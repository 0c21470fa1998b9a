extension JSON {
    /// The document as text: on one line, or with `indent` spaces a level as Python's `json.dumps(indent=…)` lays it out.
    ///
    /// Numbers keep their kind: `8` stays an integer, `8.0` a number. Numbers that are not finite become `NaN`,
    /// `Infinity` and `-Infinity`, as Python writes them.
    package func text(indent: Int? = nil) -> String {
        var out = ""
        write(into: &out, indent: indent, level: 0)
        return out
    }

    private func write(into out: inout String, indent: Int?, level: Int) {
        switch self {
        case .null: out += "null"
        case .bool(let value): out += value ? "true" : "false"
        case .integer(let value): out += String(value)
        case .number(let value): out += JSON.text(of: value)
        case .string(let value): JSON.quote(value, into: &out)
        case .array(let elements):
            JSON.writeList("[", elements, "]", into: &out, indent: indent, level: level) { element, out in
                element.write(into: &out, indent: indent, level: level + 1)
            }
        case .object(let members):
            JSON.writeList("{", members, "}", into: &out, indent: indent, level: level) { member, out in
                JSON.quote(member.key, into: &out)
                out += ": "
                member.value.write(into: &out, indent: indent, level: level + 1)
            }
        }
    }

    private static func writeList<T>(
        _ open: String, _ elements: [T], _ close: String, into out: inout String, indent: Int?, level: Int,
        each: (T, inout String) -> Void
    ) {
        out += open
        for (index, element) in elements.enumerated() {
            if index > 0 { out += indent == nil ? ", " : "," }
            if let indent { out += "\n" + String(repeating: " ", count: indent * (level + 1)) }
            each(element, &out)
        }
        if let indent, !elements.isEmpty { out += "\n" + String(repeating: " ", count: indent * level) }
        out += close
    }

    private static func text(of value: Double) -> String {
        if value.isNaN { return "NaN" }
        if value.isInfinite { return value < 0 ? "-Infinity" : "Infinity" }
        return "\(value)"
    }

    private static func quote(_ text: String, into out: inout String) {
        out += "\""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"": out += "\\\""
            case "\\": out += "\\\\"
            case "\n": out += "\\n"
            case "\r": out += "\\r"
            case "\t": out += "\\t"
            case "\u{0}"..<"\u{20}", "\u{7F}":
                let digits = String(scalar.value, radix: 16)
                out += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
            default: out.unicodeScalars.append(scalar)
            }
        }
        out += "\""
    }
}
