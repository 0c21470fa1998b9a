/// A graph cut in two: what every row decides by its own tokens, whatever is trained, and the rest. What the first part
/// computes of a row can be kept and used again whenever the row comes back.
package struct RowSplit {
    /// Computes the kept values, (N, …) each, as its outputs.
    package let rows: Graph
    /// The whole graph with the kept values as its `argument` leaves 0, 1, ….
    package let rest: Graph
    /// The types of the kept values.
    package let kept: [TensorType]
    /// Which share of the whole graph's operations a kept row saves, with one token and one target.
    package let saved: Double

    /// Elements of four bytes that are kept of a token.
    package var width: Int { kept.reduce(0) { $0 + $1.fixedCount } }

    /// Cuts where a value that rows alone decide meets one that something else enters. Values that cost no product are not
    /// kept but computed again.
    ///
    /// Never kept is what reads a parameter, the step, a stream of random numbers, inputs of rows, or other rows of a batch.
    package init(_ graph: Graph) {
        let live = graph.live(from: graph.outputs)
        let isDecided = graph.decidedByRows
        var isCostly = Array(repeating: false, count: graph.nodes.count)
        for (index, node) in graph.nodes.enumerated() where isDecided[index] {
            isCostly[index] = node.op.isCostly || node.inputs.contains { isCostly[$0.node] }
        }
        var kept: [Value] = []
        func look(at value: Value) {
            let isToken = graph.type(value).symbol == .tokens
            if isToken, isDecided[value.node], isCostly[value.node], !kept.contains(value) { kept.append(value) }
        }
        for (index, node) in graph.nodes.enumerated() where live[index] && !isDecided[index] {
            node.inputs.forEach(look)
        }
        graph.outputs.forEach(look)
        // A norm of what is kept anyway need not be.
        let candidates = Set(kept)
        kept.removeAll { value in
            let node = graph.node(value)
            return !node.op.isCostly && node.inputs.allSatisfy { candidates.contains($0) || !isCostly[$0.node] }
        }

        self.kept = kept.map(graph.type)
        rows = graph.cut(at: [], outputs: kept)
        rest = graph.cut(at: kept, outputs: graph.outputs)
        let whole = graph.cut(at: [], outputs: graph.outputs).work.operations
        saved = whole > 0 ? 1 - rest.work.operations / whole : 0
    }
}

extension Graph {
    /// Which nodes a row's own tokens decide, whatever has been trained and whichever rows stand beside it.
    fileprivate var decidedByRows: [Bool] {
        var isDecided = Array(repeating: false, count: nodes.count)
        for (index, node) in nodes.enumerated() {
            isDecided[index] =
                node.op.isLeaf
                ? node.isOfRowOrFrozen
                : node.inputs.allSatisfy { isDecided[$0.node] } && keepsRowsApart(node)
        }
        return isDecided
    }

    /// Whether a token's result depends on nothing but its row.
    private func keepsRowsApart(_ node: Node) -> Bool {
        let inputs = node.inputs.map(type)
        guard inputs.contains(where: { $0.symbol != nil }) else { return !node.op.isRandom && node.op != .call }
        guard !node.op.isRandom, ![.call, .rowGather, .rowMean, .rowSum, .scatterAdd, .contract].contains(node.op),
            node.results.allSatisfy({ $0.symbol == .tokens })
        else { return false }
        return !node.op.mixesTokens(inputs, node.results, node.attributes)
    }

    /// The part of the graph that computes `outputs`, with `argument` leaves in the place of `values`.
    package func cut(at values: [Value], outputs: [Value]) -> Graph {
        var place: [Value: Value] = [:]
        var result = Graph()
        for (number, value) in values.enumerated() {
            let type = type(value)
            let attributes = Attributes(integers: [number, Int(type.dtype.rawValue)] + type.shape.map(\.code))
            place[value] = Value(result.nodes.count)
            result.nodes.append(Node(.argument, [], attributes, results: [type]))
        }
        var isNeeded = Array(repeating: false, count: nodes.count)
        for output in outputs where place[output] == nil { isNeeded[output.node] = true }
        for index in nodes.indices.reversed() where isNeeded[index] {
            for input in nodes[index].inputs where place[input] == nil { isNeeded[input.node] = true }
        }
        for (index, node) in nodes.enumerated() where isNeeded[index] {
            var copy = node
            copy.inputs = node.inputs.map { place[$0]! }
            for number in node.results.indices where place[Value(index, number)] == nil {
                place[Value(index, number)] = Value(result.nodes.count, number)
            }
            result.nodes.append(copy)
        }
        result.outputs = outputs.map { place[$0]! }
        return result
    }
}

extension Node {
    fileprivate var isOfRowOrFrozen: Bool {
        switch op {
        case .frozen, .constant, .iota: true
        case .input:
            [.tokenIDs, .positions, .isPrompt].contains(StepInput(rawValue: attributes.integers[0]))
        default: false
        }
    }
}

extension Operator {
    fileprivate var isCostly: Bool { [.matmul, .attention].contains(self) }
}
