import Programs

/// Puts a method's graphs in the place of the layers and tensors at which they stand.
struct MethodInjector: SiteInjector {
    private let program: MethodProgram
    private let siteOfModule: [String: Int]
    private let siteOfTensor: [String: Int]
    /// The number of a tensor in the store, from the number of its site (nil: the method's own) and its own there.
    private let number: (_ site: Int?, _ tensor: Int) -> Int

    init(_ program: MethodProgram, number: @escaping (Int?, Int) -> Int) {
        self.program = program
        self.number = number
        func sites(_ kind: SiteKind) -> [String: Int] {
            Dictionary(
                uniqueKeysWithValues: program.sites.enumerated().filter { $1.site.kind == kind }.map {
                    ($1.site.module, $0)
                })
        }
        siteOfModule = sites(.linear)
        siteOfTensor = sites(.weight)
    }

    func linear(_ g: GraphBuilder, module: String, x: Value, base: (Value) -> Value) -> Value {
        guard let index = siteOfModule[module] else { return base(x) }
        return inline(program.graphs[program.sites[index].forward], at: index, in: g, operand: x, base: base)[0]
    }

    func tensor(_ g: GraphBuilder, name: String, frozen: Value) -> Value {
        guard let index = siteOfTensor[name] else { return frozen }
        return inline(program.graphs[program.sites[index].forward], at: index, in: g)[0]
    }

    /// The new values that an init graph gives, in the order of its targets.
    ///
    /// - Parameter site: nil for the method's own.
    func initial(_ assignment: Assignment, at site: Int?, in g: GraphBuilder) -> [Value] {
        inline(program.graphs[assignment.graph], at: site, in: g)
    }

    private func inline(
        _ graph: Graph, at index: Int?, in g: GraphBuilder, operand: Value? = nil,
        base: (Value) -> Value = { _ in .none }
    ) -> [Value] {
        let site = index.map { program.sites[$0].site }
        return g.inline(graph) { node, inputs in
            switch node.op {
            case .argument:
                guard let operand, node.attributes.integers[0] == 0 else {
                    return g.fail("a graph has no such operand")
                }
                return operand
            case .parameter:
                let tensor = node.attributes.integers[0]
                // Graphs of the whole method number all tensors in one list, its own first; those of a site, its own.
                let isOwn = index == nil || tensor >= MethodProgram.methodTensors
                let place = tensor >= MethodProgram.methodTensors ? tensor - MethodProgram.methodTensors : tensor
                return g.parameter(number(isOwn ? nil : index, place), node.type)
            case .base: return base(inputs[0])
            case .site:
                guard let site else { return g.fail("a site's value is asked for outside a site") }
                return value(node, site, g)
            case _ where node.op.isRandom:
                var attributes = node.attributes
                attributes.text = "\(program.method)|\(site?.module ?? "")"
                return g.append(node.op, inputs, attributes)
            default: return nil
            }
        }
    }

    private func value(_ node: Node, _ site: SiteDescription, _ g: GraphBuilder) -> Value {
        let isLinear = site.kind == .linear
        func frozen(isOriginal: Bool = false) -> Value {
            g.frozen(
                site.module + (isLinear ? ".weight" : ""),
                TensorType((isLinear ? [site.outputs, site.inputs] : site.shape).map { Dim($0) }),
                isOriginal: isOriginal)
        }
        let weight = frozen()
        func norms(_ axis: Int) -> Value {
            g.unary(.sqrt, g.reduce(.sum, g.mul(weight, weight), axes: [axis]))
        }
        switch SiteValue(rawValue: node.attributes.integers[0]) {
        case .weight: return weight
        case .originalWeight: return frozen(isOriginal: true)
        case .bias: return g.frozen(site.module + ".bias", TensorType([Dim(site.outputs)]))
        case .rowNorms: return norms(1)
        case .columnNorms: return norms(0)
        case nil: return g.fail("there is no site value \(node.attributes.integers)")
        }
    }
}
