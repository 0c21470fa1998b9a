/// One rendering of a template: the scopes, the output and what may still be spent.
struct TemplateRun {
    /// The template's own names, then one dictionary for each loop, block or macro around the statement.
    var scopes: [[String: TemplateValue]]
    /// Where the statement or operation stands that runs, for errors.
    var line = 1
    private(set) var output = ""
    /// Bytes of `output` between `{% generation %}` and its end.
    private(set) var generations: [Range<Int>] = []
    private var steps = 0
    private var depth = 0
    /// Macros and block `set`s around the statement, whose text does not go straight to the output.
    private var captures = 0

    private enum Flow { case on, leave, again }

    init(variables: [String: TemplateValue]) { scopes = [variables] }

    mutating func render(_ statements: [TemplateStatement]) throws(ChatTemplateError) {
        _ = try run(statements)
    }

    // MARK: Limits

    func fail(_ code: ChatTemplateError.Code, _ message: String) -> ChatTemplateError {
        ChatTemplateError(code, message, line: line)
    }

    mutating func spend(_ count: Int) throws(ChatTemplateError) {
        steps += min(count, ChatTemplateLimits.steps)
        guard steps <= ChatTemplateLimits.steps else {
            throw fail(.limit, "the template does not finish within \(ChatTemplateLimits.steps) steps")
        }
    }

    mutating func spend(bytes: Int) throws(ChatTemplateError) {
        guard bytes <= ChatTemplateLimits.text else {
            throw fail(.limit, "the template makes a text of more than \(ChatTemplateLimits.text) bytes")
        }
        try spend(1 + bytes / 32)
    }

    mutating func spend(text: String) throws(ChatTemplateError) { try spend(bytes: text.utf8.count) }

    mutating func enter() throws(ChatTemplateError) {
        depth += 1
        guard depth <= ChatTemplateLimits.running else {
            throw fail(.limit, "the template's macros and blocks run deeper than \(ChatTemplateLimits.running) levels")
        }
    }

    mutating func leave() { depth -= 1 }

    // MARK: Statements

    private mutating func run(_ statements: [TemplateStatement]) throws(ChatTemplateError) -> Flow {
        try enter()
        defer { leave() }
        for statement in statements {
            line = statement.line
            try spend(1)
            let flow = try run(statement)
            if flow != .on { return flow }
        }
        return .on
    }

    private mutating func run(_ statement: TemplateStatement) throws(ChatTemplateError) -> Flow {
        switch statement.kind {
        case .text(let text): try write(text)
        case .output(let expression): try write(try text(try evaluate(expression)))
        case .choice(let branches, let otherwise):
            for branch in branches where try evaluate(branch.condition).isTrue { return try run(branch.body) }
            return try run(otherwise)
        case .loop(let loop): return try run(loop)
        case .set(let target, let expression): try assign(try evaluate(expression), to: target)
        case .setBlock(let target, let body, let filtered):
            scopes.append([:])
            defer { scopes.removeLast() }
            let (text, flow) = try capture(body)
            guard flow == .on else { return flow }
            scopes[scopes.count - 1] = [TemplateStatement.blockName: .string(text)]
            let value = try evaluate(filtered)
            let own = scopes.removeLast()
            defer { scopes.append(own) }
            try assign(value, to: target)
        case .macro(let macro): scopes[0][macro.name] = .function(.macro(macro))
        case .generation(let body):
            guard captures == 0 else { throw fail(.unsupported, "'{% generation %}' inside a macro or block") }
            scopes.append([:])
            defer { scopes.removeLast() }
            let start = output.utf8.count
            _ = try run(body)
            generations.append(start..<output.utf8.count)
        case .breakLoop: return .leave
        case .continueLoop: return .again
        }
        return .on
    }

    private mutating func write(_ text: String) throws(ChatTemplateError) {
        guard output.utf8.count + text.utf8.count <= ChatTemplateLimits.text else {
            throw fail(.limit, "the template writes more than \(ChatTemplateLimits.text) bytes")
        }
        try spend(text: text)
        output += text
    }

    /// The text that the statements write, which does not reach the output.
    private mutating func capture(_ body: [TemplateStatement]) throws(ChatTemplateError) -> (String, Flow) {
        var text = ""
        swap(&text, &output)
        captures += 1
        let flow = try run(body)
        captures -= 1
        swap(&text, &output)
        return (text, flow)
    }

    private mutating func run(_ loop: TemplateLoop) throws(ChatTemplateError) -> Flow {
        var elements = try elements(of: try evaluate(loop.sequence))
        scopes.append([:])
        defer { scopes.removeLast() }
        if let condition = loop.condition {
            var kept: [TemplateValue] = []
            for element in elements {
                scopes[scopes.count - 1] = [:]
                try assign(element, to: loop.target)
                if try evaluate(condition).isTrue { kept.append(element) }
            }
            elements = kept
        }
        // Jinja's `else` runs unless a round came to its end, so after `break` or `continue` in all of them too.
        var isComplete = false
        for (index, element) in elements.enumerated() {
            // Names set in one round are gone in the next.
            scopes[scopes.count - 1] = ["loop": .loop(TemplateLoopState(elements: elements, index: index))]
            try assign(element, to: loop.target)
            let flow = try run(loop.body)
            if flow == .leave { break }
            if flow == .on { isComplete = true }
        }
        if isComplete { return .on }
        scopes[scopes.count - 1] = [:]
        return try run(loop.otherwise)
    }

    private mutating func assign(_ value: TemplateValue, to target: TemplateTarget) throws(ChatTemplateError) {
        switch target {
        case .name(let name): scopes[scopes.count - 1][name] = value
        case .names(let names):
            let parts = try elements(of: value)
            guard parts.count == names.count else {
                throw fail(.value, "\(value.kind) of \(parts.count) where \(names.count) are assigned to")
            }
            for (name, part) in zip(names, parts) { scopes[scopes.count - 1][name] = part }
        case .attribute(let name, let attribute):
            guard case .namespace(let namespace)? = lookUp(name) else {
                throw fail(.value, "'\(name).\(attribute)' is set, but '\(name)' is no namespace")
            }
            guard value.isData else { throw fail(.unsupported, "\(value.kind) in a namespace") }
            namespace.attributes[attribute] = value
        }
    }

    func lookUp(_ name: String) -> TemplateValue? {
        for scope in scopes.reversed() {
            if let value = scope[name] { return value }
        }
        return nil
    }

    // MARK: Macros

    /// The text of a macro for these arguments. A macro sees its arguments and the template's own names.
    mutating func call(
        _ macro: TemplateMacro, _ arguments: TemplateCallArguments
    ) throws(ChatTemplateError) -> TemplateValue {
        guard arguments.positional.count <= macro.parameters.count else {
            throw fail(.value, "the macro '\(macro.name)' takes at most \(macro.parameters.count) arguments")
        }
        var given: [String: TemplateValue] = [:]
        for (parameter, value) in zip(macro.parameters, arguments.positional) { given[parameter.name] = value }
        for (name, value) in arguments.named {
            guard given[name] == nil, macro.parameters.contains(where: { $0.name == name }) else {
                throw fail(.value, "the macro '\(macro.name)' takes no argument '\(name)' here")
            }
            given[name] = value
        }
        let outer = scopes
        defer { scopes = outer }
        scopes = [outer[0], given]
        for parameter in macro.parameters where given[parameter.name] == nil {
            let fallback = parameter.fallback
            scopes[1][parameter.name] = if let fallback { try evaluate(fallback) } else { .undefined(parameter.name) }
        }
        return .string(try capture(macro.body).0)
    }
}

/// The values of a call's arguments.
struct TemplateCallArguments {
    var positional: [TemplateValue] = []
    var named: [(name: String, value: TemplateValue)] = []

    /// The argument at that place or of that name, which is taken out; what is left at the end was not expected.
    mutating func take(_ name: String) -> TemplateValue? {
        if let place = named.firstIndex(where: { $0.name == name }) { return named.remove(at: place).value }
        return positional.isEmpty ? nil : positional.removeFirst()
    }
}
