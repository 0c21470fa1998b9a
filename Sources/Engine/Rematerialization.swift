import Programs

/// Computes cheap values a second time instead of keeping them from the forward to the backward pass: a norm of what is kept
/// anyway costs less than its memory.
enum Rematerialization {
    /// Nodes between two readers of a value from which on it is not kept for the second.
    private static let far = 64

    static func apply(_ graph: Graph) -> Graph {
        var lastUse = Array(repeating: -1, count: graph.nodes.count)
        var readers = Array(repeating: [Int](), count: graph.nodes.count)
        let live = graph.live(from: graph.outputs)
        for (index, node) in graph.nodes.enumerated() where live[index] {
            for input in Set(node.inputs.map(\.node)) {
                lastUse[input] = index
                readers[input].append(index)
            }
        }
        for output in graph.outputs { lastUse[output.node] = graph.nodes.count }

        // In front of which node each value is computed again.
        var copies: [Int: [Int]] = [:]
        for (index, node) in graph.nodes.enumerated() where live[index] && node.op.isCheap {
            guard lastUse[index] < graph.nodes.count,
                let gap = zip(readers[index], readers[index].dropFirst()).first(where: { $1 - $0 > far })
            else { continue }
            let isThere = node.inputs.allSatisfy { graph.node($0).op.isLeaf || lastUse[$0.node] > gap.1 }
            if isThere { copies[gap.1, default: []].append(index) }
        }
        guard !copies.isEmpty else { return graph }

        var result = Graph()
        var place = Array(repeating: -1, count: graph.nodes.count)
        func append(_ node: Node) {
            var node = node
            node.inputs = node.inputs.map { Value(place[$0.node], $0.result) }
            result.nodes.append(node)
        }
        for (index, node) in graph.nodes.enumerated() {
            for copy in copies[index] ?? [] {
                append(graph.nodes[copy])
                place[copy] = result.nodes.count - 1
            }
            append(node)
            place[index] = result.nodes.count - 1
        }
        result.outputs = graph.outputs.map { Value(place[$0.node], $0.result) }
        return result
    }
}

extension Operator {
    /// One pass over memory.
    fileprivate var isCheap: Bool { [.rmsNorm, .layerNorm, .silu, .gelu, .geluTanh, .relu].contains(self) }
}
