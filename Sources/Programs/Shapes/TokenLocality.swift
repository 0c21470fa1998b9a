extension GraphBuilder.Scope {
    /// Whether this graph may use the operator so: the public ones only, and in a token-local graph nothing that mixes
    /// tokens. What it refuses would make a row's result depend on the rows that happen to be packed beside it.
    func check(
        _ op: Operator, _ inputs: [TensorType], _ results: [TensorType], _ attributes: Attributes
    ) throws(ProgramError) {
        guard self != .host else { return }
        guard op.rawValue < Operator.unaryGradient.rawValue, op != .frozen else {
            throw ProgramError("\(op.name) is the host's own operator")
        }
        if op == .call, attributes.integers[0] != Kernel.Function.forward.rawValue {
            throw ProgramError("call: a kernel's vector-Jacobian product is the host's to call")
        }
        if self == .tokenLocal, [.inverse, .qr, .svd].contains(op) {
            throw ProgramError("\(op.name) is for init and merge; what runs on every token may use solve")
        }
        if op.mixesTokens(inputs, results, attributes) {
            let operands = inputs.map(\.name).joined(separator: ", ")
            throw ProgramError(
                "\(op.name)(\(operands)) is not token-local: a method's graph may not mix tokens; rows are reached "
                    + "through row_mean, row_gather and attention only")
        }
    }
}

extension Operator {
    /// Whether a token's result may depend on other tokens, attention and the means of rows apart.
    func mixesTokens(_ inputs: [TensorType], _ results: [TensorType], _ attributes: Attributes) -> Bool {
        switch self {
        case .matmul:
            let a = inputs[0]
            let inner = attributes.integers[0] != 0 ? a.shape[a.rank - 2] : a.shape[a.rank - 1]
            return inner.isSymbolic
        case .sum, .mean, .max:
            let axes = attributes.integers.dropFirst()
            return inputs[0].symbol != nil && (axes.isEmpty || axes.contains(0))
        case .softmax, .layerNorm, .rmsNorm, .sort, .topK: return inputs[0].symbol != nil && inputs[0].rank == 1
        case .slice, .concat, .cumsum: return inputs[0].symbol != nil && attributes.integers[0] == 0
        case .gather: return inputs[0].symbol != nil
        case .scatterAdd: return (inputs + results).contains { $0.symbol != nil }
        // What a kernel does inside its plugin says; here no result may be of all tokens together.
        case .call: return inputs.contains { $0.symbol != nil } && results.contains { $0.symbol == nil }
        default: return results.contains { $0.symbol == .targets }
        }
    }
}

extension Graph {
    /// Whether rows that begin with the same tokens may share what is computed of them: nothing but attention reaches from
    /// one token to another, and nothing tells the rows apart.
    package var sharesPrefixes: Bool {
        let live = live(from: outputs)
        guard outputs.allSatisfy({ type($0).symbol != .tokens && type($0).symbol != .rows }) else { return false }
        return nodes.indices.allSatisfy { index in
            guard live[index] else { return true }
            let node = nodes[index]
            switch node.op {
            case .input: return node.attributes.integers[0] != StepInput.rowOfToken.rawValue
            // With keys of its own in front, a row has no place for another prefix.
            case .attention, .attentionGradient:
                return node.attributes.integers[0] == 1 || node.inputs.count == (node.op == .attention ? 3 : 6)
            case .rowInput, .rowGather, .rowMean, .rowSum, .call,
                _ where node.op.isRandom:
                return false
            default: return true
            }
        }
    }
}
