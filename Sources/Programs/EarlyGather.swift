extension Graph {
    /// The same function with tokens that nobody predicts from left out as early as they can be: a row's result is looked at
    /// in a few places only, and behind the last attention nothing mixes tokens any more.
    ///
    /// What draws random numbers, or calls a kernel, is left where it is: its numbers belong to all tokens.
    package func gatheringEarly() throws(ProgramError) -> Graph {
        let isLate = readOnlyAtTargets
        guard isLate.contains(true) else { return self }
        let g = GraphBuilder()
        var place: [Value] = []
        func atTargets(_ value: Value) -> Value {
            let copy = Value(place[value.node].node, value.result)
            guard type(value).symbol == .tokens, !isLate[value.node] else { return copy }
            return g.gather(copy, g.input(.targetIndex))
        }
        for (index, node) in nodes.enumerated() {
            if isLate[index] {
                var attributes = node.attributes
                if [.reshape, .broadcast].contains(node.op) {
                    attributes.integers = attributes.integers.map { $0 == Dim.tokens.code ? Dim.targets.code : $0 }
                }
                place.append(g.append(node.op, node.inputs.map(atTargets), attributes))
            } else if isGatherAtTargets(node), isLate[node.inputs[0].node] {
                place.append(atTargets(node.inputs[0]))
            } else {
                let inputs = node.inputs.map { Value(place[$0.node].node, $0.result) }
                place.append(g.append(node.op, inputs, node.attributes))
            }
        }
        return try g.finish(outputs.map { Value(place[$0.node].node, $0.result) })
    }

    private func isGatherAtTargets(_ node: Node) -> Bool {
        guard node.op == .gather, type(node.inputs[0]).symbol == .tokens else { return false }
        let index = self.node(node.inputs[1])
        return index.op == .input && index.attributes.integers[0] == StepInput.targetIndex.rawValue
    }

    /// Which nodes nobody reads but at the tokens that targets are predicted from, and can be computed there alone.
    private var readOnlyAtTargets: [Bool] {
        var isRead = Array(repeating: false, count: nodes.count)
        var isReadElsewhere = Array(repeating: false, count: nodes.count)
        for output in outputs { isReadElsewhere[output.node] = true }
        let live = live(from: outputs)
        for (index, node) in nodes.enumerated().reversed() {
            guard live[index] else { continue }
            let isLate = isRead[index] && !isReadElsewhere[index] && staysWithToken(node)
            for (number, input) in node.inputs.enumerated() {
                if isLate || number == 0 && isGatherAtTargets(node) {
                    isRead[input.node] = true
                } else {
                    isReadElsewhere[input.node] = true
                }
            }
        }
        return nodes.indices.map { isRead[$0] && !isReadElsewhere[$0] && staysWithToken(nodes[$0]) }
    }

    /// Whether what a node computes of a token follows from its operands at this token.
    private func staysWithToken(_ node: Node) -> Bool {
        let inputs = node.inputs.map(type)
        guard node.results.count == 1 || [.rmsNorm, .layerNorm].contains(node.op),
            node.results.allSatisfy({ $0.symbol == .tokens }), inputs.contains(where: { $0.symbol == .tokens }),
            inputs.allSatisfy({ $0.symbol == nil || $0.symbol == .tokens })
        else { return false }
        switch node.op {
        case .cast, .select, .softmax, .layerNorm, .rmsNorm, .matmul, .slice, .concat, .sum, .mean, .max, .stopGradient:
            return !node.op.mixesTokens(inputs, node.results, node.attributes)
        // The tokens stay the first axis.
        case .reshape: return true
        default: return node.op.isUnary || node.op.isBinary
        }
    }
}
