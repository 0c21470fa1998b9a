import Programs

/// Puts several methods in one program: every method is asked for all tokens, and each token gets what the one of its row
/// gives. Where every method asks for the frozen layer once, it runs once, on what each row's method gives to it.
struct MixedInjector: SiteInjector {
    /// The input (R) with the number of each row's method.
    static let memberOfRow = "member of row"

    /// nil for rows of the base.
    private let members: [MethodInjector?]
    /// (N): whether a token belongs to that member.
    private let masks: [Value]

    init(_ members: [MethodInjector?], in g: GraphBuilder) {
        self.members = members.map { $0?.begun(in: g) }
        let member = g.rowGather(g.rowInput(Self.memberOfRow, shape: []))
        masks = members.indices.map { g.append(.equal, [member, g.constant(Double($0))]) }
    }

    func isAdapted(_ module: String) -> Bool { members.contains { $0?.isAdapted(module) ?? false } }

    func linear(_ g: GraphBuilder, module: String, x: Value, base: (Value) -> Value) -> Value {
        withoutActuallyEscaping(base) { base in
            mixed(g, [x], frozen: { base($0[0]) }) { member, frozen in
                member.linear(g, module: module, x: x) { frozen([$0]) }
            }
        }
    }

    func embedding(_ g: GraphBuilder, module: String, ids: Value, base: (Value) -> Value) -> Value {
        withoutActuallyEscaping(base) { base in
            mixed(g, [ids], frozen: { base($0[0]) }) { member, frozen in
                member.embedding(g, module: module, ids: ids) { frozen([$0]) }
            }
        }
    }

    func prompt(_ g: GraphBuilder, x: Value, rows: (Value) -> Value) -> Value {
        chosen(g, beside: x) { $0.prompt(g, x: x, rows: rows) }
    }

    func attention(
        _ g: GraphBuilder, module: String, _ operands: AttentionOperands, base: FrozenAttention
    ) -> Value {
        let own = [operands.q, operands.k, operands.v]
        return mixed(g, own, frozen: { base.attend($0[0], $0[1], $0[2], nil) }) { member, frozen in
            var parts = base
            parts.attend = { q, k, v, more in more == nil ? frozen([q, k, v]) : base.attend(q, k, v, more) }
            return member.attention(g, module: module, operands, base: parts)
        }
    }

    func block(_ g: GraphBuilder, module: String, output: Value, residual: Value) -> Value {
        chosen(g, beside: output) { $0.block(g, module: module, output: output, residual: residual) }
    }

    /// Which all rows read: ``MixedModel`` refuses methods that replace it.
    func tensor(_ g: GraphBuilder, name: String, frozen: Value) -> Value { frozen }

    /// - Parameters:
    ///   - operands: what the frozen layer is given where no method stands.
    ///   - run: what a method makes of the layer, given the frozen one.
    private func mixed(
        _ g: GraphBuilder, _ operands: [Value], frozen: @escaping ([Value]) -> Value,
        _ run: (MethodInjector, @escaping ([Value]) -> Value) -> Value
    ) -> Value {
        var joint = operands
        var asksOnce = Array(repeating: false, count: members.count)
        for (number, member) in members.enumerated() {
            guard let member else { continue }
            var calls: [[Value]] = []
            _ = run(member) {
                calls.append($0)
                return frozen($0)
            }
            guard calls.count == 1 else { continue }
            asksOnce[number] = true
            for place in joint.indices where calls[0][place] != operands[place] {
                joint[place] = choose(g, number, calls[0][place], joint[place])
            }
        }
        let shared = frozen(joint)
        var result = shared
        for (number, member) in members.enumerated() {
            guard let member else { continue }
            let value = run(member, asksOnce[number] ? { _ in shared } : frozen)
            if value != shared { result = choose(g, number, value, result) }
        }
        return result
    }

    /// For each row what its method gives, `other` where that is nothing.
    private func chosen(_ g: GraphBuilder, beside other: Value, _ run: (MethodInjector) -> Value) -> Value {
        var result = other
        for (number, member) in members.enumerated() {
            guard let value = member.map(run), value != other else { continue }
            result = choose(g, number, value, result)
        }
        return result
    }

    private func choose(_ g: GraphBuilder, _ number: Int, _ value: Value, _ other: Value) -> Value {
        let ones = Array(repeating: Dim(1), count: Swift.max(g.type(value).rank - 1, 0))
        return g.select(g.reshape(masks[number], [.tokens] + ones), value, other)
    }
}
