import ArgumentParser

/// What names a version: `name` (its latest), `name@3`, or `name@production`.
struct Reference: ExpressibleByArgument, CustomStringConvertible {
    enum Selector: Equatable {
        case latest
        case number(Int)
        case tag(String)
    }

    let name: String
    let selector: Selector

    init?(argument: String) {
        let parts = argument.split(separator: "@", omittingEmptySubsequences: false).map(String.init)
        guard let first = parts.first, Reference.isName(first), parts.count <= 2 else { return nil }
        name = first
        guard parts.count == 2 else {
            selector = .latest
            return
        }
        if let number = Int(parts[1]), number > 0 {
            selector = .number(number)
        } else if Reference.isName(parts[1]) {
            selector = parts[1] == "latest" ? .latest : .tag(parts[1])
        } else {
            return nil
        }
    }

    var description: String {
        switch selector {
        case .latest: name
        case .number(let number): "\(name)@\(number)"
        case .tag(let tag): "\(name)@\(tag)"
        }
    }

    /// Whether a text can name an adapter: letters, digits, `.`, `-` and `_`, a letter or digit first.
    static func isName(_ text: String) -> Bool {
        guard let first = text.utf8.first, text.utf8.count <= 100, first.isAlphanumeric else { return false }
        return text.utf8.allSatisfy {
            $0.isAlphanumeric || [UInt8(ascii: "."), UInt8(ascii: "-"), UInt8(ascii: "_")].contains($0)
        }
    }

    /// Whether a text can be a tag: a name that is no number, and not `latest`.
    static func isTag(_ text: String) -> Bool { isName(text) && Int(text) == nil && text != "latest" }
}

extension UInt8 {
    fileprivate var isAlphanumeric: Bool {
        (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(self) || (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains(self)
            || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(self)
    }
}
