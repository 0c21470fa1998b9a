import Programs

/// Puts a method's forward graphs in the place of the layers at which they stand.
struct MethodInjector: SiteInjector {
    private let program: MethodProgram
    private let siteOfModule: [String: Int]
    /// The number of a tensor in the store, from the number of its site (nil: the method's own) and its own there.
    private let number: (_ site: Int?, _ tensor: Int) -> Int

    init(_ program: MethodProgram, number: @escaping (Int?, Int) -> Int) {
        self.program = program
        self.number = number
        siteOfModule = Dictionary(
            uniqueKeysWithValues: program.sites.enumerated().filter { $1.site.kind == .linear }.map {
                ($1.site.module, $0)
            })
    }

    func linear(_ g: GraphBuilder, module: String, x: Value, base: (Value) -> Value) -> Value {
        guard let index = siteOfModule[module] else { return base(x) }
        let site = program.sites[index].site
        let results = g.inline(program.graphs[program.sites[index].forward]) { node, inputs in
            switch node.op {
            case .argument: return node.attributes.integers[0] == 0 ? x : g.fail("a linear site has one operand")
            case .parameter:
                let tensor = node.attributes.integers[0]
                let isOwn = tensor < MethodProgram.methodTensors
                let number = isOwn ? number(index, tensor) : number(nil, tensor - MethodProgram.methodTensors)
                return g.parameter(number, node.type)
            case .base: return base(inputs[0])
            case .site: return value(node, site, g)
            case _ where node.op.isRandom:
                var attributes = node.attributes
                attributes.text = "\(program.method)|\(module)"
                return g.append(node.op, inputs, attributes)
            default: return nil
            }
        }
        return results[0]
    }

    private func value(_ node: Node, _ site: SiteDescription, _ g: GraphBuilder) -> Value {
        let weight = g.frozen(site.module + ".weight", TensorType([Dim(site.outputs), Dim(site.inputs)]))
        func norms(_ axis: Int) -> Value {
            g.unary(.sqrt, g.reduce(.sum, g.mul(weight, weight), axes: [axis]))
        }
        switch SiteValue(rawValue: node.attributes.integers[0]) {
        case .weight, .originalWeight: return weight
        case .bias: return g.frozen(site.module + ".bias", TensorType([Dim(site.outputs)]))
        case .rowNorms: return norms(1)
        case .columnNorms: return norms(0)
        case nil: return g.fail("there is no site value \(node.attributes.integers)")
        }
    }
}
