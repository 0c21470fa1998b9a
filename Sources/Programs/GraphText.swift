extension Graph {
    /// The graph for people: one line a node, `%5 = matmul(%3, %4ᵀ) : f32[N,8]`, and at the end what it returns.
    package var text: String {
        var lines = nodes.indices.map { index in
            "%\(index) = \(line(nodes[index])) : \(nodes[index].results.map(\.name).joined(separator: ", "))"
        }
        lines.append("return " + outputs.map(\.text).joined(separator: ", "))
        return lines.joined(separator: "\n") + "\n"
    }

    private func line(_ node: Node) -> String {
        let integers = node.attributes.integers
        switch node.op {
        case .argument, .parameter: return "\(node.op.name) \(integers[0])"
        case .frozen, .rowInput: return "\(node.op.name) \(node.attributes.text.debugDescription)"
        case .site: return "site \(SiteValue(rawValue: integers[0]).map { "\($0)" } ?? "\(integers[0])")"
        case .input: return "input \(StepInput(rawValue: integers[0]).map { "\($0)" } ?? "\(integers[0])")"
        case .constant: return "constant " + constantText(node)
        default:
            var operands = node.inputs.map(\.text)
            if node.op == .matmul {
                for index in operands.indices where integers[index] != 0 { operands[index] += "ᵀ" }
            }
            return "\(node.op.name)(\((operands + attributes(node)).joined(separator: ", ")))"
        }
    }

    /// Up to eight numbers, of more the first six and how many there are.
    private func constantText(_ node: Node) -> String {
        let scalars = node.attributes.scalars
        if node.type.rank == 0 { return "\(scalars[0])" }
        let shown = scalars.prefix(scalars.count <= 8 ? 8 : 6).map { "\($0)" }
        let rest = scalars.count <= 8 ? [] : ["… \(scalars.count) numbers"]
        return "[" + (shown + rest).joined(separator: ", ") + "]"
    }

    /// What the operands and the type do not show, by name.
    private func attributes(_ node: Node) -> [String] {
        let (integers, scalars) = (node.attributes.integers, node.attributes.scalars)
        switch node.op {
        case .sum, .mean, .max, .maxGradient:
            let axes = integers.count > 1 ? ["axes: \(Array(integers.dropFirst()))"] : []
            return axes + (integers[0] != 0 ? ["keep"] : [])
        case .layerNorm, .rmsNorm: return ["epsilon: \(scalars[0])"]
        case .rope: return integers[0] != 0 ? ["inverse"] : []
        case .attention, .attentionGradient:
            return (integers[0] != 0 ? ["overSet"] : []) + (integers[1] != 0 ? ["window: \(integers[1])"] : [])
                + ["scale: \(scalars[0])"]
        case .project: return [Projection(rawValue: integers[0]).map { "\($0)" } ?? "\(integers[0])"]
        case .attend: return integers[0] != 0 ? ["overSet"] : []
        case .textCache: return [integers[1] != 0 ? "values" : "keys", "layer: \(integers[0])"]
        case .call: return call(node)
        case .transpose: return ["order: \(integers)"]
        case .slice: return ["axis: \(integers[0])", "\(integers[1])..<\(integers[2])"]
        case .concat, .cumsum: return ["axis: \(integers[0])"]
        case .topK: return ["k: \(integers[0])"]
        case .dropout, .bernoulli, .rowBernoulli: return ["p: \(scalars[0])"] + stream(node)
        case .normal: return ["mean: \(scalars[0])", "deviation: \(scalars[1])"] + stream(node)
        case .uniform: return ["from: \(scalars[0])", "to: \(scalars[1])"] + stream(node)
        case .unaryGradient:
            return ["of: \(UInt16(exactly: integers[0]).flatMap(Operator.init(rawValue:))?.name ?? "\(integers[0])")"]
        // reshape, broadcast, cast, scatterAdd, base, tableRows and iota: the type says it.
        default: return []
        }
    }

    /// `FourierFT.inverse`, and what the call gives beside its operands.
    private func call(_ node: Node) -> [String] {
        guard let kernel = try? Kernel(node.attributes) else { return [] }
        let isForward = node.attributes.integers[0] == Kernel.Function.forward.rawValue
        let names = (isForward ? kernel.signature : kernel.vjpSignature)?.scalars ?? []
        return ["kernel: \(kernel.plugin).\(kernel.name)\(isForward ? "" : " vjp")"]
            + zip(names, node.attributes.scalars).map { "\($0): \($1)" }
    }

    private func stream(_ node: Node) -> [String] {
        let text = node.attributes.text
        return ["ordinal: \(node.attributes.integers[0])"] + (text.isEmpty ? [] : ["stream: \(text.debugDescription)"])
    }
}

extension Value {
    /// `%3`, and `%3.1` for the second result.
    package var text: String { result == 0 ? "%\(node)" : "%\(node).\(result)" }
}
