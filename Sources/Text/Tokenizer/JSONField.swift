import Formats

/// A value of a JSON file with the way to it, for errors: `model.vocab`.
struct JSONField {
    let value: JSON
    let path: String
    let place: String

    /// The member of that name, or nil where it is missing or null.
    func optional(_ key: String) -> JSONField? {
        guard let member = value[key], !member.isNull else { return nil }
        return JSONField(value: member, path: path.isEmpty ? key : "\(path).\(key)", place: place)
    }

    func require(_ key: String) throws(FormatError) -> JSONField {
        guard let field = optional(key) else {
            throw FormatError(.missing, "\(path.isEmpty ? "" : path + ".")\(key) is missing", place: place)
        }
        return field
    }

    /// Whether the member is true; missing or null is `absent`.
    func flag(_ key: String, absent: Bool) throws(FormatError) -> Bool {
        guard let field = optional(key) else { return absent }
        guard let bool = field.value.bool else { throw field.wrong("true or false") }
        return bool
    }

    func string() throws(FormatError) -> String {
        guard let string = value.string else { throw wrong("a string") }
        return string
    }

    func utf8() throws(FormatError) -> [UInt8] { Array(try string().utf8) }

    func int(in range: ClosedRange<Int>) throws(FormatError) -> Int {
        guard let int = value.int, range.contains(int) else {
            throw wrong("an integer from \(range.lowerBound) to \(range.upperBound)")
        }
        return int
    }

    func array() throws(FormatError) -> [JSONField] {
        guard let array = value.array else { throw wrong("a list") }
        return array.enumerated().map { JSONField(value: $1, path: "\(path)[\($0)]", place: place) }
    }

    func members() throws(FormatError) -> [JSON.Member] {
        guard let members = value.members else { throw wrong("an object") }
        return members
    }

    /// The `type` that says which of several kinds the object is.
    func type() throws(FormatError) -> String { try require("type").string() }

    func wrong(_ wanted: String) -> FormatError {
        FormatError(.corrupt, "\(path.isEmpty ? "the document" : path) is not \(wanted)", place: place)
    }

    func unsupported(_ what: String, _ remedy: String = "") -> FormatError {
        FormatError(.unsupported, "\(path): \(what) is not supported", place: place, remedy: remedy)
    }
}
