import Programs

/// Puts a method's graphs in the place of the layers and tensors at which they stand.
struct MethodInjector: SiteInjector {
    private let program: MethodProgram
    private let sites: [Place: Int]
    /// The number of a tensor in the store, from the number of its site (nil: the method's own) and its own there.
    private let number: (_ site: Int?, _ tensor: Int) -> Int
    /// The results of the prelude in the graph that is being built.
    private var prelude: [Value] = []

    private struct Place: Hashable {
        var kind: SiteKind
        /// Of a prompt, of which there is one, empty.
        var module: String
    }

    init(_ program: MethodProgram, number: @escaping (Int?, Int) -> Int) {
        self.program = program
        self.number = number
        sites = Dictionary(
            program.sites.enumerated().map { index, site in
                (Place(kind: site.site.kind, module: site.site.kind == .prompt ? "" : site.site.module), index)
            }, uniquingKeysWith: { first, _ in first })
    }

    /// The injector for a model's program in `g`: the prelude stands before everything that reads it.
    func begun(in g: GraphBuilder) -> MethodInjector {
        guard let graph = program.prelude else { return self }
        var injector = self
        injector.prelude = inline(program.graphs[graph], at: nil, in: g)
        return injector
    }

    func isAdapted(_ module: String) -> Bool { sites[Place(kind: .linear, module: module)] != nil }

    /// The bias, like that inside `base`, is the one that the model uses, trained or not.
    func linear(_ g: GraphBuilder, module: String, x: Value, base: (Value) -> Value) -> Value {
        let result = forward(.linear, module, in: g, [x]) { node, inputs in
            switch node.op {
            case .base: base(inputs[0])
            case .site where node.attributes.integers[0] == SiteValue.bias.rawValue:
                tensor(g, name: module + ".bias", frozen: g.frozen(module + ".bias", node.type))
            default: nil
            }
        }
        return result ?? base(x)
    }

    func embedding(_ g: GraphBuilder, module: String, ids: Value, base: (Value) -> Value) -> Value {
        forward(.embedding, module, in: g, [ids]) { node, inputs in node.op == .tableRows ? base(inputs[0]) : nil }
            ?? base(ids)
    }

    /// The virtual tokens have the first positions of their row, and ids of no meaning.
    func prompt(_ g: GraphBuilder, x: Value, rows: (Value) -> Value) -> Value {
        let prompt = forward(.prompt, "", in: g, []) { node, inputs in node.op == .tableRows ? rows(inputs[0]) : nil }
        guard let prompt else { return x }
        let count = g.type(prompt).shape[0].fixed ?? 0
        let position = g.input(.positions)
        let last = g.constant([Double(count - 1)], shape: [], dtype: .i32)
        let virtual = g.gather(prompt, g.append(.minimum, [position, last]))
        let isVirtual = g.reshape(g.append(.lessEqual, [position, last]), [.tokens, 1])
        return g.select(isVirtual, virtual, x)
    }

    func attention(
        _ g: GraphBuilder, module: String, _ operands: AttentionOperands, base: FrozenAttention
    ) -> Value {
        let given = [operands.q, operands.k, operands.v, operands.input]
        let result = forward(.attention, module, in: g, given) { node, inputs in
            switch node.op {
            case .project: Projection(rawValue: node.attributes.integers[0]).map { base.project($0, inputs[0]) }
            case .attend where node.attributes.integers[0] == 1: base.attendSet(inputs[0], inputs[1], inputs[2])
            case .attend:
                base.attend(inputs[0], inputs[1], inputs[2], inputs.count == 5 ? (k: inputs[3], v: inputs[4]) : nil)
            default: nil
            }
        }
        return result ?? base.attend(operands.q, operands.k, operands.v, nil)
    }

    func block(_ g: GraphBuilder, module: String, output: Value, residual: Value) -> Value {
        forward(.block, module, in: g, [output, residual]) { _, _ in nil } ?? output
    }

    func tensor(_ g: GraphBuilder, name: String, frozen: Value) -> Value {
        forward(.weight, name, in: g, []) { _, _ in nil } ?? frozen
    }

    /// The new values that an init graph gives, in the order of its targets.
    ///
    /// - Parameters:
    ///   - site: nil for the method's own.
    ///   - frozen: what the frozen model gives for a `project`, `tableRows` or `textCache` node and its operands.
    func initial(
        _ assignment: Assignment, at site: Int?, in g: GraphBuilder, frozen: (Node, [Value]) -> Value?
    ) -> [Value] {
        inline(program.graphs[assignment.graph], at: site, in: g, frozen: frozen)
    }

    private func forward(
        _ kind: SiteKind, _ module: String, in g: GraphBuilder, _ operands: [Value],
        frozen: (Node, [Value]) -> Value?
    ) -> Value? {
        guard let index = sites[Place(kind: kind, module: module)] else { return nil }
        return inline(program.graphs[program.sites[index].forward], at: index, in: g, operands, frozen: frozen)[0]
    }

    /// The new values that a merge graph gives to the base's tensors at site `index`, of which `operands` are the old ones.
    func merged(
        _ graph: Int, at index: Int, operands: [Value], in g: GraphBuilder, frozen: (Node, [Value]) -> Value?
    ) -> [Value] {
        inline(program.graphs[graph], at: index, in: g, operands, frozen: frozen)
    }

    private func inline(
        _ graph: Graph, at index: Int?, in g: GraphBuilder, _ operands: [Value] = [],
        frozen: (Node, [Value]) -> Value? = { _, _ in nil }
    ) -> [Value] {
        let site = index.map { program.sites[$0].site }
        return g.inline(graph) { node, inputs in
            switch node.op {
            case .argument: return operand(node.attributes.integers[0], operands, g)
            case .parameter:
                let tensor = node.attributes.integers[0]
                // Graphs of the whole method number all tensors in one list, its own first; those of a site, its own.
                let isOwn = index == nil || tensor >= MethodProgram.methodTensors
                let place = tensor >= MethodProgram.methodTensors ? tensor - MethodProgram.methodTensors : tensor
                return g.parameter(number(isOwn ? nil : index, place), node.type)
            case .base, .project, .attend, .tableRows, .textCache:
                return frozen(node, inputs) ?? g.fail("\(node.op.name) is not there")
            case .site:
                guard let site else { return g.fail("a site's value is asked for outside a site") }
                return frozen(node, inputs) ?? value(node, site, g)
            case _ where node.op.isRandom:
                var attributes = node.attributes
                attributes.text = "\(program.method)|\(site?.module ?? "")"
                return g.append(node.op, inputs, attributes)
            default: return nil
            }
        }
    }

    private func operand(_ number: Int, _ operands: [Value], _ g: GraphBuilder) -> Value {
        let result = number - MethodProgram.preludeResults
        if prelude.indices.contains(result) { return prelude[result] }
        return operands.indices.contains(number) ? operands[number] : g.fail("a graph has no operand \(number)")
    }

    private func value(_ node: Node, _ site: SiteDescription, _ g: GraphBuilder) -> Value {
        let value = SiteValue(rawValue: node.attributes.integers[0])
        guard let value, let type = site.type(of: value) else {
            return g.fail("there is no site value \(node.attributes.integers)")
        }
        let weight = site.tensorNames[0]
        return switch value {
        case .weight: g.frozen(weight, type)
        case .originalWeight: g.frozen(weight, type, isOriginal: true)
        case .bias: g.frozen(site.module + ".bias", type)
        case .rowNorms: g.frozen(weight + TensorNorms.rows.suffix, type)
        case .columnNorms: g.frozen(weight + TensorNorms.columns.suffix, type)
        }
    }
}
