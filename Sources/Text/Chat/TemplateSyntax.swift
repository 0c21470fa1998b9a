/// A parsed expression. `depth` counts the levels below, so that neither evaluating nor freeing one can exhaust the stack.
struct TemplateExpression: Sendable {
    let kind: Kind
    let line: Int
    let depth: Int

    indirect enum Kind: Sendable {
        case constant(TemplateConstant)
        case name(String)
        case list([TemplateExpression])
        case tuple([TemplateExpression])
        case mapping([(TemplateExpression, TemplateExpression)])
        case attribute(TemplateExpression, String)
        case item(TemplateExpression, TemplateExpression)
        case slice(TemplateExpression, TemplateExpression?, TemplateExpression?, TemplateExpression?)
        case call(TemplateExpression, TemplateArguments)
        /// `value | name(…)`. In `{% set x | name %}` the value is the text of the block.
        case filter(TemplateExpression, String, TemplateArguments)
        case test(TemplateExpression, String, TemplateArguments)
        case not(TemplateExpression)
        case and(TemplateExpression, TemplateExpression)
        case or(TemplateExpression, TemplateExpression)
        /// `then if condition else otherwise`
        case conditional(condition: TemplateExpression, then: TemplateExpression, otherwise: TemplateExpression?)
        /// `a < b <= c`
        case comparison(TemplateExpression, [(String, TemplateExpression)])
        case concatenation([TemplateExpression])
        case arithmetic(String, TemplateExpression, TemplateExpression)
        case negative(TemplateExpression)
        case positive(TemplateExpression)
    }
}

enum TemplateConstant: Sendable {
    case none
    case bool(Bool)
    case integer(Int)
    case number(Double)
    case string(String)
}

struct TemplateArguments: Sendable {
    var positional: [TemplateExpression] = []
    var named: [(name: String, value: TemplateExpression)] = []
}

struct TemplateStatement: Sendable {
    let kind: Kind
    let line: Int

    indirect enum Kind: Sendable {
        case text(String)
        case output(TemplateExpression)
        /// `if` and each `elif`, then `else`.
        case choice([(condition: TemplateExpression, body: [TemplateStatement])], otherwise: [TemplateStatement])
        case loop(TemplateLoop)
        case set(TemplateTarget, TemplateExpression)
        /// `{% set x %}…{% endset %}`; the filters apply to the expression `blockName`.
        case setBlock(TemplateTarget, [TemplateStatement], filtered: TemplateExpression)
        case macro(TemplateMacro)
        /// `{% generation %}…{% endgeneration %}`: the text that the model is to learn.
        case generation([TemplateStatement])
        case breakLoop
        case continueLoop
    }

    /// The name under which the text of a `{% set x | filter %}` block reaches its filters; no template can spell it.
    static let blockName = "(block)"
}

struct TemplateLoop: Sendable {
    let target: TemplateTarget
    let sequence: TemplateExpression
    let condition: TemplateExpression?
    let body: [TemplateStatement]
    let otherwise: [TemplateStatement]
}

struct TemplateMacro: Sendable {
    let name: String
    let parameters: [(name: String, fallback: TemplateExpression?)]
    let body: [TemplateStatement]
}

/// What `set` and `for` assign to.
enum TemplateTarget: Sendable {
    case name(String)
    case names([String])
    /// `namespace.attribute`
    case attribute(String, String)
}
