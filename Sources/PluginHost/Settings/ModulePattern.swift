/// Regular expressions over module paths, as Hugging Face PEFT has them.
package struct ModulePattern {
    /// Longer ones are refused: the parser is recursive.
    private static let maximumLength = 2000

    private enum Form {
        case expression(Expression, field: String)
        /// Matches a path that ends with it from a dot on.
        case name(String)
    }

    private let form: Form

    private init(form: Form) { self.form = form }

    /// - Parameters:
    ///   - wrapped: what is compiled, with the user's expression somewhere inside.
    ///   - field: for errors.
    private init(_ text: String, wrapped: String, field: String) throws(PluginError) {
        guard text.utf8.count <= Self.maximumLength else {
            throw PluginError(.setting, "an expression of \(text.utf8.count) characters", place: field)
        }
        // Alone first: a stray parenthesis must not close the one that is put around it.
        guard Expression(text) != nil, let expression = Expression(wrapped) else {
            throw PluginError(
                .setting, "\"\(text.prefix(80))\" is not a regular expression", place: field,
                remedy: "write . for any character, \\. for a dot, .* for anything")
        }
        self.init(form: .expression(expression, field: field))
    }

    /// Matches whole paths: `target_modules` and `exclude_modules` as a string.
    init(path text: String, field: String) throws(PluginError) {
        try self.init(text, wrapped: "(?:\(text))", field: field)
    }

    /// Matches what a path ends with, from a dot on: a key of `rank_pattern`. (peft's rule: `(.*\.)?(KEY)$`.)
    ///
    /// A file may have a key for every module, so those that are plain names cost no expression.
    package init(key text: String, field: String) throws(PluginError) {
        let name = text.replacing("\\.", with: ".")
        let isPlain = text.replacing("\\.", with: "").utf8.allSatisfy { isNameByte($0) && $0 != UInt8(ascii: ".") }
        if isPlain, !text.contains("+"), text.utf8.count <= Self.maximumLength {
            self.init(form: .name(name))
        } else {
            try self.init(text, wrapped: "(?:.*\\.)?(?:\(text))", field: field)
        }
    }

    /// - Throws: `PluginError` where the expression takes too many steps.
    package func matches(_ path: String) throws(PluginError) -> Bool {
        switch form {
        case .expression(let expression, let field):
            guard let matches = expression.matches(path) else {
                throw PluginError(
                    .setting, "the expression takes too many steps at \(path)", place: field,
                    remedy: "repeat nothing inside of what is repeated")
            }
            return matches
        case .name(let name): return isNamed(path, name)
        }
    }

    /// The number of the layer that a path belongs to: its first segment of digits behind two or more others, or the last
    /// one behind one of `names` (peft's `layers_pattern`); nil outside the layers.
    static func layer(of path: String, after names: [String]) -> Int? {
        let segments = path.split(separator: ".", omittingEmptySubsequences: false)
        let places = segments.indices.dropFirst(2).dropLast().filter { index in
            !segments[index].isEmpty && segments[index].utf8.allSatisfy { (0x30...0x39).contains($0) }
        }
        let place = names.isEmpty ? places.first : places.last { names.contains(String(segments[$0 - 1])) }
        return place.flatMap { Int(segments[$0]) }
    }
}
