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
        return inline(program.graphs[program.sites[index].forward], at: index, in: g, operands: [x], base: base)[0]
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

    /// The new values that a merge graph gives to the base's tensors at site `index`, of which `operands` are the old ones.
    func merged(_ graph: Int, at index: Int, operands: [Value], in g: GraphBuilder) -> [Value] {
        inline(program.graphs[graph], at: index, in: g, operands: operands)
    }

    private func inline(_ graph: Graph, at index: Int?, in g: GraphBuilder, operands: [Value] = []) -> [Value] {
        inline(graph, at: index, in: g, operands: operands) { frozenLayer(at: index, $0, in: g) }
    }

    private func inline(
        _ graph: Graph, at index: Int?, in g: GraphBuilder, operands: [Value] = [], base: (Value) -> Value
    ) -> [Value] {
        let site = index.map { program.sites[$0].site }
        return g.inline(graph) { node, inputs in
            switch node.op {
            case .argument:
                guard operands.indices.contains(node.attributes.integers[0]) else {
                    return g.fail("a graph has no such operand")
                }
                return operands[node.attributes.integers[0]]
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

    /// The layer as the base's files have it.
    private func frozenLayer(at index: Int?, _ v: Value, in g: GraphBuilder) -> Value {
        guard let site = index.map({ program.sites[$0].site }), site.kind == .linear else {
            return g.fail("the frozen layer is asked for where there is none")
        }
        let y = g.matmul(
            v, g.frozen(site.module + ".weight", TensorType([Dim(site.outputs), Dim(site.inputs)])), transposeB: true)
        return site.hasBias ? g.add(y, g.frozen(site.module + ".bias", TensorType([Dim(site.outputs)]))) : y
    }

    private func value(_ node: Node, _ site: SiteDescription, _ g: GraphBuilder) -> Value {
        let value = SiteValue(rawValue: node.attributes.integers[0])
        guard let value, let type = site.type(of: value) else {
            return g.fail("there is no site value \(node.attributes.integers)")
        }
        let weight = site.tensorNames[0]
        return switch value {
        case .weight, .originalWeight: g.frozen(weight, type)
        case .bias: g.frozen(site.module + ".bias", type)
        case .rowNorms: g.frozen(weight + TensorNorms.rows.suffix, type)
        case .columnNorms: g.frozen(weight + TensorNorms.columns.suffix, type)
        }
    }
}
