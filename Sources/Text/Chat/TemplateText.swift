/// Values as text: Python's `str` and `repr`, and `json.dumps` for the `tojson` filter.
extension TemplateRun {
    /// What `{{ value }}` prints.
    mutating func text(_ value: TemplateValue) throws(ChatTemplateError) -> String {
        switch value {
        case .undefined: return ""
        case .string(let text): return text
        default:
            var out = ""
            try write(value, into: &out)
            return out
        }
    }

    private mutating func write(_ value: TemplateValue, into out: inout String) throws(ChatTemplateError) {
        try spend(1)
        switch value {
        case .undefined: out += "Undefined"
        case .none: out += "None"
        case .bool(let value): out += value ? "True" : "False"
        case .integer(let value): out += String(value)
        case .number(let value): out += Self.text(of: value, infinity: "inf", nan: "nan")
        case .string(let text):
            try spend(text: text)
            Self.quote(text, into: &out)
        case .list(let list) where list.kind == .list || list.kind == .tuple:
            out += list.kind == .tuple ? "(" : "["
            for (index, element) in list.elements.enumerated() {
                if index > 0 { out += ", " }
                try write(element, into: &out)
            }
            if list.kind == .tuple { out += list.elements.count == 1 ? ",)" : ")" } else { out += "]" }
        case .mapping(let mapping):
            out += "{"
            for (index, member) in mapping.members.enumerated() {
                if index > 0 { out += ", " }
                Self.quote(member.key, into: &out)
                out += ": "
                try write(member.value, into: &out)
            }
            out += "}"
        default: throw fail(.unsupported, "printing \(value.kind)")
        }
    }

    /// A float as Python's `repr` writes it.
    private static func text(of value: Double, infinity: String, nan: String) -> String {
        if value.isNaN { return nan }
        if value.isInfinite { return value < 0 ? "-" + infinity : infinity }
        var text = "\(value)"
        // Both write the shortest digits, but Python's exponent has two digits at least.
        if let mark = text.firstIndex(of: "e") {
            let digits = text.index(mark, offsetBy: 2)
            if text.distance(from: digits, to: text.endIndex) == 1 { text.insert("0", at: digits) }
            if text[..<mark].hasSuffix(".0") { text.replaceSubrange(..<mark, with: text[..<mark].dropLast(2)) }
        }
        return text
    }

    private static func quote(_ text: String, into out: inout String) {
        let scalars = text.unicodeScalars
        let mark: Unicode.Scalar = scalars.contains("'") && !scalars.contains("\"") ? "\"" : "'"
        out.unicodeScalars.append(mark)
        for scalar in scalars {
            switch scalar {
            case mark, "\\":
                out += "\\"
                out.unicodeScalars.append(scalar)
            case "\n": out += "\\n"
            case "\r": out += "\\r"
            case "\t": out += "\\t"
            case _ where isPrintable(scalar): out.unicodeScalars.append(scalar)
            case _ where scalar.value < 0x100: out += "\\x" + hexadecimal(scalar, digits: 2)
            case _ where scalar.value < 0x10000: out += "\\u" + hexadecimal(scalar, digits: 4)
            default: out += "\\U" + hexadecimal(scalar, digits: 8)
            }
        }
        out.unicodeScalars.append(mark)
    }

    private static func isPrintable(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.properties.generalCategory {
        case .control, .format, .surrogate, .privateUse, .unassigned, .lineSeparator, .paragraphSeparator: false
        case .spaceSeparator: scalar == " "
        default: true
        }
    }

    private static func hexadecimal(_ scalar: Unicode.Scalar, digits: Int) -> String {
        let text = String(scalar.value, radix: 16)
        return String(repeating: "0", count: digits - text.count) + text
    }

    // MARK: JSON

    struct JSONLayout {
        var indent: String?
        var separator = ", "
        var colon = ": "
    }

    /// `json.dumps(value, ensure_ascii=False)`: nothing outside of ASCII is escaped, members keep their order.
    mutating func json(_ value: TemplateValue, _ layout: JSONLayout) throws(ChatTemplateError) -> String {
        var out = ""
        try writeJSON(value, layout, level: 0, into: &out)
        return out
    }

    private mutating func writeJSON(
        _ value: TemplateValue, _ layout: JSONLayout, level: Int, into out: inout String
    ) throws(ChatTemplateError) {
        try spend(1)
        switch value {
        case .none: out += "null"
        case .bool(let value): out += value ? "true" : "false"
        case .integer(let value): out += String(value)
        case .number(let value): out += Self.text(of: value, infinity: "Infinity", nan: "NaN")
        case .string(let text):
            try spend(text: text)
            Self.quoteJSON(text, into: &out)
        case .list(let list) where list.kind == .list || list.kind == .tuple:
            guard !list.elements.isEmpty else {
                out += "[]"
                return
            }
            out += "["
            for (index, element) in list.elements.enumerated() {
                try startElement(index, layout, level: level + 1, into: &out)
                try writeJSON(element, layout, level: level + 1, into: &out)
            }
            try endElements(layout, level: level, into: &out)
            out += "]"
        case .mapping(let mapping):
            guard !mapping.members.isEmpty else {
                out += "{}"
                return
            }
            out += "{"
            for (index, member) in mapping.members.enumerated() {
                try startElement(index, layout, level: level + 1, into: &out)
                try spend(text: member.key)
                Self.quoteJSON(member.key, into: &out)
                out += layout.colon
                try writeJSON(member.value, layout, level: level + 1, into: &out)
            }
            try endElements(layout, level: level, into: &out)
            out += "}"
        default: throw fail(.value, "'tojson' of \(value.kind)")
        }
    }

    private mutating func startElement(
        _ index: Int, _ layout: JSONLayout, level: Int, into out: inout String
    ) throws(ChatTemplateError) {
        if index > 0 { out += layout.separator }
        try endElements(layout, level: level, into: &out)
    }

    private mutating func endElements(
        _ layout: JSONLayout, level: Int, into out: inout String
    ) throws(ChatTemplateError) {
        guard let indent = layout.indent else { return }
        try spend(bytes: indent.utf8.count * level)
        out += "\n" + String(repeating: indent, count: level)
    }

    private static func quoteJSON(_ text: String, into out: inout String) {
        out += "\""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"": out += "\\\""
            case "\\": out += "\\\\"
            case "\n": out += "\\n"
            case "\r": out += "\\r"
            case "\t": out += "\\t"
            case "\u{8}": out += "\\b"
            case "\u{C}": out += "\\f"
            case "\u{0}"..<"\u{20}": out += "\\u" + hexadecimal(scalar, digits: 4)
            default: out.unicodeScalars.append(scalar)
            }
        }
        out += "\""
    }
}
