/// Reads expressions; each level of Jinja's precedence is one function, loosest first.
struct TemplateExpressionParser {
    private let tokens: [TemplateToken]
    private(set) var position = 0
    private var nesting = 0

    init(tokens: [TemplateToken]) { self.tokens = tokens }

    var current: TemplateToken { tokens[position] }
    var line: Int { current.line }

    private func peek(_ offset: Int) -> TemplateToken.Kind {
        position + offset < tokens.count ? tokens[position + offset].kind : .end
    }

    // MARK: Tokens

    mutating func next() -> TemplateToken {
        let token = current
        if position + 1 < tokens.count { position += 1 }
        return token
    }

    mutating func take(_ kind: TemplateToken.Kind) -> Bool {
        guard current.kind == kind else { return false }
        _ = next()
        return true
    }

    mutating func take(_ symbol: String) -> Bool { take(.symbol(symbol)) }
    mutating func takeWord(_ word: String) -> Bool { take(.name(word)) }

    mutating func expect(_ kind: TemplateToken.Kind) throws(ChatTemplateError) {
        guard take(kind) else {
            throw fail("\(TemplateToken(kind: kind, line: line).shown) expected, \(current.shown) found")
        }
    }

    mutating func expectName() throws(ChatTemplateError) -> String {
        guard case .name(let name) = current.kind else { throw fail("a name expected, \(current.shown) found") }
        _ = next()
        return name
    }

    func fail(_ message: String, _ code: ChatTemplateError.Code = .syntax) -> ChatTemplateError {
        ChatTemplateError(code, message, line: line)
    }

    /// Goes one level deeper, until `leave`.
    mutating func enter() throws(ChatTemplateError) {
        guard nesting < ChatTemplateLimits.nesting else { throw tooDeep() }
        nesting += 1
    }

    mutating func leave() { nesting -= 1 }

    private func tooDeep() -> ChatTemplateError {
        fail("blocks or expressions inside one another, deeper than \(ChatTemplateLimits.nesting) levels", .limit)
    }

    private func node(
        _ kind: TemplateExpression.Kind, _ line: Int, over children: [TemplateExpression] = []
    ) throws(ChatTemplateError) -> TemplateExpression {
        let depth = 1 + (children.map(\.depth).max() ?? 0)
        guard depth <= ChatTemplateLimits.nesting else { throw tooDeep() }
        return TemplateExpression(kind: kind, line: line, depth: depth)
    }

    // MARK: Levels of precedence

    /// One expression, or several with commas between them, which make a tuple.
    mutating func expressions(conditional: Bool = true) throws(ChatTemplateError) -> TemplateExpression {
        let line = line
        let first = conditional ? try expression() : try disjunction()
        guard current.kind == .symbol(",") else { return first }
        var elements = [first]
        while take(",") {
            if [.blockEnd, .variableEnd, .symbol(")")].contains(current.kind) { break }
            elements.append(conditional ? try expression() : try disjunction())
        }
        return try node(.tuple(elements), line, over: elements)
    }

    mutating func expression() throws(ChatTemplateError) -> TemplateExpression {
        try enter()
        defer { leave() }
        var value = try disjunction()
        while takeWord("if") {
            let line = line
            let condition = try disjunction()
            let otherwise = takeWord("else") ? try expression() : nil
            value = try node(
                .conditional(condition: condition, then: value, otherwise: otherwise), line,
                over: [condition, value] + (otherwise.map { [$0] } ?? []))
        }
        return value
    }

    private mutating func disjunction() throws(ChatTemplateError) -> TemplateExpression {
        var left = try conjunction()
        while takeWord("or") {
            let right = try conjunction()
            left = try node(.or(left, right), left.line, over: [left, right])
        }
        return left
    }

    private mutating func conjunction() throws(ChatTemplateError) -> TemplateExpression {
        var left = try negation()
        while takeWord("and") {
            let right = try negation()
            left = try node(.and(left, right), left.line, over: [left, right])
        }
        return left
    }

    private mutating func negation() throws(ChatTemplateError) -> TemplateExpression {
        let line = line
        guard takeWord("not") else { return try comparison() }
        try enter()
        defer { leave() }
        let operand = try negation()
        return try node(.not(operand), line, over: [operand])
    }

    private mutating func comparison() throws(ChatTemplateError) -> TemplateExpression {
        let first = try sum()
        var rest: [(String, TemplateExpression)] = []
        while let comparator = takeComparator() { rest.append((comparator, try sum())) }
        return rest.isEmpty ? first : try node(.comparison(first, rest), first.line, over: [first] + rest.map(\.1))
    }

    private mutating func takeComparator() -> String? {
        if case .symbol(let symbol) = current.kind, ["==", "!=", "<", "<=", ">", ">="].contains(symbol) {
            _ = next()
            return symbol
        }
        if takeWord("in") { return "in" }
        if current.kind == .name("not"), peek(1) == .name("in") {
            _ = next()
            _ = next()
            return "not in"
        }
        return nil
    }

    private mutating func sum() throws(ChatTemplateError) -> TemplateExpression {
        var left = try concatenation()
        while case .symbol(let symbol) = current.kind, symbol == "+" || symbol == "-" {
            _ = next()
            let right = try concatenation()
            left = try node(.arithmetic(symbol, left, right), left.line, over: [left, right])
        }
        return left
    }

    private mutating func concatenation() throws(ChatTemplateError) -> TemplateExpression {
        var parts = [try product()]
        while take("~") { parts.append(try product()) }
        return parts.count == 1 ? parts[0] : try node(.concatenation(parts), parts[0].line, over: parts)
    }

    private mutating func product() throws(ChatTemplateError) -> TemplateExpression {
        var left = try power()
        while case .symbol(let symbol) = current.kind, ["*", "/", "//", "%"].contains(symbol) {
            _ = next()
            let right = try power()
            left = try node(.arithmetic(symbol, left, right), left.line, over: [left, right])
        }
        return left
    }

    private mutating func power() throws(ChatTemplateError) -> TemplateExpression {
        var left = try unary()
        while take("**") {
            let right = try unary()
            left = try node(.arithmetic("**", left, right), left.line, over: [left, right])
        }
        return left
    }

    private mutating func unary(filtered: Bool = true) throws(ChatTemplateError) -> TemplateExpression {
        let line = line
        try enter()
        defer { leave() }
        var value: TemplateExpression
        if take("-") {
            let operand = try unary(filtered: false)
            value = try node(.negative(operand), line, over: [operand])
        } else if take("+") {
            let operand = try unary(filtered: false)
            value = try node(.positive(operand), line, over: [operand])
        } else {
            value = try primary()
        }
        value = try postfix(value)
        return filtered ? try filters(value) : value
    }

    private mutating func postfix(_ start: TemplateExpression) throws(ChatTemplateError) -> TemplateExpression {
        var value = start
        while true {
            let line = line
            if take(".") {
                if case .integer(let index) = current.kind {
                    _ = next()
                    let key = try node(.constant(.integer(index)), line)
                    value = try node(.item(value, key), line, over: [value])
                } else {
                    value = try node(.attribute(value, try expectName()), line, over: [value])
                }
            } else if take("[") {
                value = try subscripted(value, line)
            } else if current.kind == .symbol("(") {
                value = try call(value, line)
            } else {
                return value
            }
        }
    }

    private mutating func call(
        _ function: TemplateExpression, _ line: Int
    ) throws(ChatTemplateError) -> TemplateExpression {
        let arguments = try arguments()
        return try node(.call(function, arguments), line, over: [function] + arguments.all)
    }

    private mutating func subscripted(
        _ value: TemplateExpression, _ line: Int
    ) throws(ChatTemplateError) -> TemplateExpression {
        var parts: [TemplateExpression?] = [nil]
        while !take("]") {
            if take(":") {
                parts.append(nil)
            } else {
                guard parts[parts.count - 1] == nil else { throw fail("']' expected, \(current.shown) found") }
                parts[parts.count - 1] = try expression()
            }
        }
        if parts.count == 1 {
            guard let key = parts[0] else { throw fail("'[]' after a value") }
            return try node(.item(value, key), line, over: [value, key])
        }
        guard parts.count <= 3 else { throw fail("a slice with more than three parts") }
        let step = parts.count == 3 ? parts[2] : nil
        return try node(.slice(value, parts[0], parts[1], step), line, over: [value] + parts.compactMap { $0 })
    }

    /// `| filter`, `is test` and calls, any number of them.
    mutating func filters(_ start: TemplateExpression) throws(ChatTemplateError) -> TemplateExpression {
        var value = start
        while true {
            let line = line
            if take("|") {
                let name = try dottedName()
                let arguments = current.kind == .symbol("(") ? try arguments() : TemplateArguments()
                value = try node(.filter(value, name, arguments), line, over: [value] + arguments.all)
            } else if takeWord("is") {
                value = try test(value, line)
            } else if current.kind == .symbol("(") {
                value = try call(value, line)
            } else {
                return value
            }
        }
    }

    private mutating func test(
        _ value: TemplateExpression, _ line: Int
    ) throws(ChatTemplateError) -> TemplateExpression {
        let isNegated = takeWord("not")
        let name = try dottedName()
        var arguments = TemplateArguments()
        if current.kind == .symbol("(") {
            arguments = try self.arguments()
        } else if startsTestArgument {
            arguments.positional = [try postfix(try primary())]
        }
        let test = try node(.test(value, name, arguments), line, over: [value] + arguments.all)
        return isNegated ? try node(.not(test), line, over: [test]) : test
    }

    /// Whether a test's argument without parentheses follows: `x is divisibleby 3`.
    private var startsTestArgument: Bool {
        switch current.kind {
        case .name(let name): !["else", "or", "and", "is"].contains(name)
        case .string, .integer, .number, .symbol("["), .symbol("{"): true
        default: false
        }
    }

    private mutating func dottedName() throws(ChatTemplateError) -> String {
        var name = try expectName()
        while take(".") { name += "." + (try expectName()) }
        return name
    }

    private mutating func arguments() throws(ChatTemplateError) -> TemplateArguments {
        try expect(.symbol("("))
        var arguments = TemplateArguments()
        while !take(")") {
            if !arguments.all.isEmpty {
                try expect(.symbol(","))
                if take(")") { break }
            }
            if current.kind == .symbol("*") || current.kind == .symbol("**") {
                throw fail("'*' and '**' arguments", .unsupported)
            }
            if case .name(let name) = current.kind, peek(1) == .symbol("=") {
                _ = next()
                _ = next()
                arguments.named.append((name, try expression()))
            } else {
                guard arguments.named.isEmpty else { throw fail("an argument without a name after one with a name") }
                arguments.positional.append(try expression())
            }
        }
        return arguments
    }

    // MARK: Literals and names

    private mutating func primary() throws(ChatTemplateError) -> TemplateExpression {
        let token = next()
        let line = token.line
        switch token.kind {
        case .string(var text):
            while case .string(let more) = current.kind {
                text += more
                _ = next()
            }
            return try node(.constant(.string(text)), line)
        case .integer(let value): return try node(.constant(.integer(value)), line)
        case .number(let value): return try node(.constant(.number(value)), line)
        case .name(let name):
            switch name {
            case "true", "True": return try node(.constant(.bool(true)), line)
            case "false", "False": return try node(.constant(.bool(false)), line)
            case "none", "None": return try node(.constant(.none), line)
            default: return try node(.name(name), line)
            }
        case .symbol("("):
            if take(")") { return try node(.tuple([]), line) }
            let value = try expressions()
            try expect(.symbol(")"))
            return value
        case .symbol("["):
            var elements: [TemplateExpression] = []
            while !take("]") {
                if !elements.isEmpty {
                    try expect(.symbol(","))
                    if take("]") { break }
                }
                elements.append(try expression())
            }
            return try node(.list(elements), line, over: elements)
        case .symbol("{"):
            return try mapping(line)
        default:
            throw ChatTemplateError(.syntax, "an expression expected, \(token.shown) found", line: line)
        }
    }

    private mutating func mapping(_ line: Int) throws(ChatTemplateError) -> TemplateExpression {
        var members: [(TemplateExpression, TemplateExpression)] = []
        while !take("}") {
            if !members.isEmpty {
                try expect(.symbol(","))
                if take("}") { break }
            }
            let key = try expression()
            try expect(.symbol(":"))
            members.append((key, try expression()))
        }
        return try node(.mapping(members), line, over: members.flatMap { [$0.0, $0.1] })
    }
}

extension TemplateArguments {
    var all: [TemplateExpression] { positional + named.map(\.value) }
}
