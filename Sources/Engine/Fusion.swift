import Programs

/// Rewrites a graph into one that computes the same values with fewer passes over memory. Three forms arise that only the
/// engine knows, each an operator with more operands than it has elsewhere:
///
/// - matmul (a, b, y) with a scalar: y + alpha·a·b, summed in the place of y; without y: alpha·a·b. contract likewise.
/// - silu (gate, up): silu(gate)·up (SwiGLU).
/// - unaryGradient (gate, up, dy): the gradients of that by up and by gate.
struct Fusion {
    private var graph: Graph
    private var consumers: [[Int]] = []

    static func apply(_ graph: Graph) -> Graph {
        var fusion = Fusion(graph: graph)
        fusion.takeScalesOfOperands()
        fusion.takeScales()
        fusion.accumulate()
        fusion.gateUnits()
        return fusion.graph
    }

    private init(graph: Graph) { self.graph = graph }

    /// Who reads each node; an output of the graph has a reader behind the last node.
    private mutating func findConsumers() {
        consumers = Array(repeating: [], count: graph.nodes.count)
        let live = graph.live(from: graph.outputs)
        for (index, node) in graph.nodes.enumerated() where live[index] {
            for input in node.inputs { consumers[input.node].append(index) }
        }
        for output in graph.outputs { consumers[output.node].append(graph.nodes.count) }
    }

    private func node(_ value: Value) -> Node { graph.nodes[value.node] }
    private func isProduct(_ index: Int) -> Bool {
        graph.nodes.indices.contains(index) && [.matmul, .contract].contains(graph.nodes[index].op)
    }

    /// The other operand and the number, where a node is a product with a constant number.
    private func scaled(_ node: Node) -> (Value, Double)? {
        guard node.op == .mul else { return nil }
        for (x, c) in [(node.inputs[0], node.inputs[1]), (node.inputs[1], node.inputs[0])] {
            let constant = self.node(c)
            if constant.op == .constant, constant.type == .scalar, graph.type(x) == node.type {
                return (x, constant.attributes.scalars[0])
            }
        }
        return nil
    }

    /// alpha (c·a)·b = (alpha·c) a·b, where only products read c·a.
    private mutating func takeScalesOfOperands() {
        findConsumers()
        for index in graph.nodes.indices where isProduct(index) {
            for operand in 0..<2 {
                let input = graph.nodes[index].inputs[operand]
                if let (x, factor) = scaled(node(input)), consumers[input.node].allSatisfy(isProduct) {
                    graph.nodes[index].inputs[operand] = x
                    graph.nodes[index].alpha *= factor
                }
            }
        }
    }

    /// c·(a·b), where nobody else reads a·b.
    private mutating func takeScales() {
        findConsumers()
        for index in graph.nodes.indices {
            guard let (x, factor) = scaled(graph.nodes[index]), isProduct(x.node), consumers[x.node] == [index] else {
                continue
            }
            graph.nodes[index] = node(x)
            graph.nodes[index].alpha *= factor
        }
    }

    /// y + a·b, where nobody else reads y or a·b.
    private mutating func accumulate() {
        findConsumers()
        for (index, node) in graph.nodes.enumerated() where node.op == .add {
            // Of two products the later one is added to the other.
            let (early, late) = (node.inputs.min { $0.node < $1.node }!, node.inputs.max { $0.node < $1.node }!)
            for (y, product) in [(early, late), (late, early)] {
                let other = self.node(product)
                guard other.op == .matmul, other.inputs.count == 2, other.type == node.type, graph.type(y) == node.type,
                    consumers[product.node] == [index], consumers[y.node] == [index],
                    !self.node(y).op.isLeaf, !self.node(y).op.sharesOperand
                else { continue }
                graph.nodes[index] = other
                graph.nodes[index].inputs.append(y)
                break
            }
        }
    }

    /// silu(gate)·up, and its gradients: du = dy·silu(gate) and dgate = silu'(gate)·(dy·up).
    private mutating func gateUnits() {
        findConsumers()
        var renamed: [Value: Value] = [:]
        for (index, silu) in graph.nodes.enumerated() where silu.op == .silu && silu.inputs.count == 1 {
            let gate = silu.inputs[0]
            let readers = consumers[index].sorted()
            guard let first = readers.first, let up = factor(first, beside: Value(index)) else { continue }
            if readers.count == 1 {
                graph.nodes[first] = Node(.silu, [gate, up], Attributes(), results: silu.results)
            } else if readers.count == 2, let dy = factor(readers[1], beside: Value(index)) {
                // The node that is silu'(gate)·(dy·up).
                let slope = consumers[gate.node].first { reader in
                    guard graph.nodes.indices.contains(reader) else { return false }
                    let node = graph.nodes[reader]
                    return node.op == .unaryGradient && node.inputs.count == 2 && node.inputs[0] == gate
                        && node.attributes.integers == [Int(Operator.silu.rawValue)]
                        && consumers[node.inputs[1].node] == [reader]
                        && [[dy, up], [up, dy]].contains(self.node(node.inputs[1]).inputs)
                        && self.node(node.inputs[1]).op == .mul
                }
                guard let slope, slope > readers[1] else { continue }
                graph.nodes[first] = Node(.silu, [gate, up], Attributes(), results: silu.results)
                graph.nodes[readers[1]] = Node(
                    .unaryGradient, [gate, up, dy], graph.nodes[slope].attributes, results: silu.results + silu.results)
                renamed[Value(slope)] = Value(readers[1], 1)
            }
        }
        for index in graph.nodes.indices {
            for operand in graph.nodes[index].inputs.indices {
                if let new = renamed[graph.nodes[index].inputs[operand]] { graph.nodes[index].inputs[operand] = new }
            }
        }
        graph.outputs = graph.outputs.map { renamed[$0] ?? $0 }
    }

    /// The other operand, where node `index` is a product, element by element, of two values of one type, one of them `x`.
    private func factor(_ index: Int, beside x: Value) -> Value? {
        guard graph.nodes.indices.contains(index), graph.nodes[index].op == .mul else { return nil }
        let inputs = graph.nodes[index].inputs
        guard inputs[0] != inputs[1], graph.type(inputs[0]) == graph.type(inputs[1]) else { return nil }
        return inputs[0] == x ? inputs[1] : inputs[0]
    }
}

extension Node {
    /// What a product is multiplied by.
    var alpha: Double {
        get { attributes.scalars.first ?? 1 }
        set { attributes.scalars = [newValue] }
    }
}
