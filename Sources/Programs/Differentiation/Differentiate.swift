extension GraphBuilder {
    /// Appends the gradients of a scalar: reverse-mode differentiation over the graph as it stands.
    ///
    /// It knows what is frozen: a value gets a gradient only if it depends on one of `sources` and the loss depends on
    /// it. So there is no gradient of a frozen weight, and none below the lowest trainable tensor.
    ///
    /// - Parameters:
    ///   - loss: a scalar.
    ///   - sources: the values to differentiate by, usually the trainable parameters.
    /// - Returns: for each source its gradient, of the same shape; nil where the loss does not depend on it.
    package func gradients(of loss: Value, by sources: [Value]) -> [Value?] {
        guard error == nil, loss != .none, !sources.contains(.none) else { return sources.map { _ in nil } }
        guard ([loss] + sources).allSatisfy(graph.contains) else {
            fail("gradients: a loss or a source is not a value of this graph")
            return sources.map { _ in nil }
        }
        guard type(loss) == .scalar else {
            fail("only a scalar can be differentiated, not \(type(loss).name)")
            return sources.map { _ in nil }
        }
        let sourceNodes = Set(sources.map(\.node))
        var needed = Array(repeating: false, count: graph.nodes.count)
        for (index, node) in graph.nodes.enumerated() {
            needed[index] =
                sourceNodes.contains(index) || node.op != .stopGradient && node.inputs.contains { needed[$0.node] }
        }
        let live = graph.live(from: [loss])
        var adjoints = Adjoints(self)
        adjoints.add(constant(1), to: loss)
        for index in graph.nodes.indices.prefix(needed.count).reversed() where needed[index] && live[index] {
            let node = graph.nodes[index]
            let incoming = node.results.indices.map { adjoints[Value(index, $0)] }
            guard !node.op.isLeaf, incoming.contains(where: { $0 != nil }) else { continue }
            guard node.op == .call || incoming.dropFirst().allSatisfy({ $0 == nil }) else {
                fail("\(node.op.name): only its first result can be differentiated")
                return sources.map { _ in nil }
            }
            let wants = node.inputs.map { needed[$0.node] && graph.type($0).dtype == .f32 }
            guard wants.contains(true) else { continue }
            let contributions = pullBack(node, Value(index), incoming, wants: wants)
            guard error == nil else { return sources.map { _ in nil } }
            for (index, operand) in node.inputs.enumerated() where wants[index] {
                if let contribution = contributions[index] { adjoints.add(contribution, to: operand) }
            }
        }
        return sources.map { adjoints[$0] }
    }
}

/// The gradients gathered so far. Contributions are added in the order in which differentiation reaches them, which the
/// graph alone fixes: sums have the same bits in every run.
private struct Adjoints {
    private let builder: GraphBuilder
    private var values: [Value: Value] = [:]

    init(_ builder: GraphBuilder) { self.builder = builder }

    subscript(value: Value) -> Value? { values[value] }

    mutating func add(_ contribution: Value, to value: Value) {
        if let sum = values[value] {
            values[value] = builder.add(sum, contribution)
        } else {
            values[value] = contribution
        }
    }
}
