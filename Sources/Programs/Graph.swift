/// One operator applied to earlier values.
package struct Node: Hashable, Sendable {
    package var op: Operator
    package var inputs: [Value]
    package var attributes: Attributes
    /// The types of its results, inferred when it was built.
    package var results: [TensorType]

    package init(_ op: Operator, _ inputs: [Value], _ attributes: Attributes, results: [TensorType]) {
        self.op = op
        self.inputs = inputs
        self.attributes = attributes
        self.results = results
    }

    package var type: TensorType { results[0] }
}

/// A pure function from its leaves to its outputs: nodes in an order in which every input precedes its use.
package struct Graph: Hashable, Sendable {
    package var nodes: [Node]
    package var outputs: [Value]

    package init(nodes: [Node] = [], outputs: [Value] = []) {
        self.nodes = nodes
        self.outputs = outputs
    }

    package func type(_ value: Value) -> TensorType { nodes[value.node].results[value.result] }
    package func node(_ value: Value) -> Node { nodes[value.node] }
    /// Whether there is such a value.
    package func contains(_ value: Value) -> Bool {
        nodes.indices.contains(value.node) && nodes[value.node].results.indices.contains(value.result)
    }

    /// Which nodes the outputs need.
    package func live(from roots: [Value]) -> [Bool] {
        var live = Array(repeating: false, count: nodes.count)
        for root in roots { live[root.node] = true }
        for index in nodes.indices.reversed() where live[index] {
            for input in nodes[index].inputs { live[input.node] = true }
        }
        return live
    }

    /// Whether any result of each node changes with one of `sources`.
    package func depends(on isSource: (Node) -> Bool) -> [Bool] {
        var depends = Array(repeating: false, count: nodes.count)
        for (index, node) in nodes.enumerated() {
            depends[index] = isSource(node) || node.inputs.contains { depends[$0.node] }
        }
        return depends
    }

    /// The same function in the one form that does not depend on the order in which it was written: nodes in depth-first
    /// order from the outputs, nothing unused, nothing twice. Two graphs compute the same iff (up to algebra) these are equal.
    package func canonical() -> Graph {
        var result = Graph()
        var place: [Int: Int] = [:]
        var known: [Node: Int] = [:]
        func moved(_ value: Value) -> Value { Value(place[value.node]!, value.result) }
        for output in outputs {
            // An explicit stack: graphs of a thousand unrolled nodes must not overflow ours.
            var stack: [(node: Int, next: Int)] = [(output.node, 0)]
            while let (node, next) = stack.last {
                if place[node] != nil {
                    stack.removeLast()
                } else if next < nodes[node].inputs.count {
                    stack[stack.count - 1].next += 1
                    stack.append((nodes[node].inputs[next].node, 0))
                } else {
                    var copy = nodes[node]
                    copy.inputs = copy.inputs.map(moved)
                    if let twin = known[copy] {
                        place[node] = twin
                    } else {
                        place[node] = result.nodes.count
                        known[copy] = result.nodes.count
                        result.nodes.append(copy)
                    }
                    stack.removeLast()
                }
            }
        }
        result.outputs = outputs.map(moved)
        return result
    }
}
