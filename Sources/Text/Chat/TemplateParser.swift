/// Reads a template into statements. A tag that it does not know is an error that names it.
struct TemplateParser {
    private var input: TemplateExpressionParser
    /// Loops around the statement in question, within its macro: `break` needs one.
    private var loops = 0
    /// Blocks around it other than `if`: macros are defined outside of all.
    private var scopes = 0

    static func statements(of source: String) throws(ChatTemplateError) -> [TemplateStatement] {
        guard source.utf8.count <= ChatTemplateLimits.source else {
            throw ChatTemplateError(
                .limit, "a template of \(source.utf8.count) bytes; at most \(ChatTemplateLimits.source) are read",
                line: 1)
        }
        var parser = TemplateParser(
            input: TemplateExpressionParser(tokens: try TemplateLexer.tokens(of: source)))
        return try parser.body(until: [], of: "").statements
    }

    private init(input: TemplateExpressionParser) { self.input = input }

    /// Statements up to a tag of one of these names, which is consumed but for what follows the name.
    private mutating func body(
        until ends: [String], of opener: String
    ) throws(ChatTemplateError) -> (statements: [TemplateStatement], end: String) {
        let begin = input.line
        var statements: [TemplateStatement] = []
        while true {
            let token = input.next()
            switch token.kind {
            case .text(let text): statements.append(TemplateStatement(kind: .text(text), line: token.line))
            case .variableBegin:
                statements.append(TemplateStatement(kind: .output(try input.expressions()), line: token.line))
                try input.expect(.variableEnd)
            case .blockBegin:
                let name = try input.expectName()
                if ends.contains(name) { return (statements, name) }
                let kind = try statement(name, line: token.line)
                statements.append(TemplateStatement(kind: kind, line: token.line))
            default:
                guard !ends.isEmpty else { return (statements, "") }
                throw ChatTemplateError(
                    .syntax, "'{% \(opener) %}' without '{% \(ends[ends.count - 1]) %}'", line: begin)
            }
        }
    }

    /// A body one level deeper, and its end tag's close.
    private mutating func block(
        _ opener: String, until ends: [String]
    ) throws(ChatTemplateError) -> (statements: [TemplateStatement], end: String) {
        try input.expect(.blockEnd)
        try input.enter()
        defer { input.leave() }
        return try body(until: ends, of: opener)
    }

    private mutating func closedBlock(_ name: String) throws(ChatTemplateError) -> [TemplateStatement] {
        let statements = try block(name, until: ["end" + name]).statements
        // `{% endmacro name %}` may repeat the name.
        if name == "macro", case .name = input.current.kind { _ = input.next() }
        try input.expect(.blockEnd)
        return statements
    }

    private mutating func statement(_ name: String, line: Int) throws(ChatTemplateError) -> TemplateStatement.Kind {
        switch name {
        case "if": return try choice()
        case "for": return try loop()
        case "set": return try set(line)
        case "macro": return try macro(line)
        case "generation":
            let (outerLoops, outerScopes) = (loops, scopes)
            (loops, scopes) = (0, scopes + 1)
            defer { (loops, scopes) = (outerLoops, outerScopes) }
            return .generation(try closedBlock("generation"))
        case "break", "continue":
            guard loops > 0 else { throw ChatTemplateError(.syntax, "'\(name)' outside of a loop", line: line) }
            try input.expect(.blockEnd)
            return name == "break" ? .breakLoop : .continueLoop
        case "else", "elif", "endif", "endfor", "endset", "endmacro", "endgeneration", "endraw":
            throw ChatTemplateError(.syntax, "'{% \(name) %}' without its beginning", line: line)
        default:
            throw ChatTemplateError(
                .unsupported, "the tag '{% \(name) %}' is not known", line: line,
                remedy: "known are if, for, set, macro, generation, break, continue and raw")
        }
    }

    private mutating func choice() throws(ChatTemplateError) -> TemplateStatement.Kind {
        var branches: [(TemplateExpression, [TemplateStatement])] = []
        while true {
            let condition = try input.expressions()
            let (statements, end) = try block("if", until: ["elif", "else", "endif"])
            branches.append((condition, statements))
            if end == "elif" { continue }
            var otherwise: [TemplateStatement] = []
            if end == "else" { otherwise = try block("else", until: ["endif"]).statements }
            try input.expect(.blockEnd)
            return .choice(branches, otherwise: otherwise)
        }
    }

    private mutating func loop() throws(ChatTemplateError) -> TemplateStatement.Kind {
        let target = try target(attributes: false)
        guard input.takeWord("in") else { throw input.fail("'in' expected, \(input.current.shown) found") }
        let sequence = try input.expressions(conditional: false)
        let condition = input.takeWord("if") ? try input.expression() : nil
        if input.current.kind == .name("recursive") { throw input.fail("'recursive' loops", .unsupported) }
        loops += 1
        scopes += 1
        let (body, end) = try block("for", until: ["else", "endfor"])
        loops -= 1
        var otherwise: [TemplateStatement] = []
        if end == "else" { otherwise = try block("else", until: ["endfor"]).statements }
        scopes -= 1
        try input.expect(.blockEnd)
        return .loop(
            TemplateLoop(target: target, sequence: sequence, condition: condition, body: body, otherwise: otherwise))
    }

    private mutating func target(attributes: Bool) throws(ChatTemplateError) -> TemplateTarget {
        let isInParentheses = input.take("(")
        var names = [try targetName()]
        if attributes, !isInParentheses, input.take(".") { return .attribute(names[0], try input.expectName()) }
        var isTuple = false
        while input.take(",") {
            isTuple = true
            guard case .name(let name) = input.current.kind, name != "in" else { break }
            names.append(try targetName())
        }
        if isInParentheses { try input.expect(.symbol(")")) }
        return isTuple ? .names(names) : .name(names[0])
    }

    private mutating func targetName() throws(ChatTemplateError) -> String {
        let name = try input.expectName()
        guard !["true", "false", "none", "True", "False", "None", "loop"].contains(name) else {
            throw input.fail("'\(name)' cannot be assigned to")
        }
        return name
    }

    private mutating func set(_ line: Int) throws(ChatTemplateError) -> TemplateStatement.Kind {
        let target = try target(attributes: true)
        if input.take("=") {
            let value = try input.expressions()
            try input.expect(.blockEnd)
            return .set(target, value)
        }
        let text = TemplateExpression(kind: .name(TemplateStatement.blockName), line: line, depth: 1)
        let filtered = try input.filters(text)
        scopes += 1
        defer { scopes -= 1 }
        return .setBlock(target, try closedBlock("set"), filtered: filtered)
    }

    private mutating func macro(_ line: Int) throws(ChatTemplateError) -> TemplateStatement.Kind {
        guard scopes == 0 else {
            throw ChatTemplateError(.unsupported, "a macro defined inside a loop, block or macro", line: line)
        }
        let name = try targetName()
        try input.expect(.symbol("("))
        var parameters: [(name: String, fallback: TemplateExpression?)] = []
        while !input.take(")") {
            if !parameters.isEmpty {
                try input.expect(.symbol(","))
                if input.take(")") { break }
            }
            let parameter = try targetName()
            let fallback = input.take("=") ? try input.expression() : nil
            guard fallback != nil || parameters.last?.fallback == nil else {
                throw input.fail("the parameter '\(parameter)' without a default after one with a default")
            }
            parameters.append((parameter, fallback))
        }
        let outerLoops = loops
        (loops, scopes) = (0, 1)
        defer { (loops, scopes) = (outerLoops, 0) }
        return .macro(TemplateMacro(name: name, parameters: parameters, body: try closedBlock("macro")))
    }
}
