import Programs

/// Central differences of a graph's first output, where what stands behind a stop-gradient stays as it is.
package struct Differences {
    private let graph: Graph
    private let evaluation: Evaluation64

    package init(_ graph: Graph, _ evaluation: Evaluation64) throws {
        var (graph, evaluation) = (graph, evaluation)
        let stops = graph.nodes.indices.filter { graph.nodes[$0].op == .stopGradient }
        evaluation.constants = try evaluation.run(Graph(nodes: graph.nodes, outputs: stops.map { Value($0) }))
        for (number, index) in stops.enumerated() {
            graph.nodes[index] = Node(
                .argument, [], Attributes(integers: [number]), results: graph.nodes[index].results)
        }
        graph.outputs = [graph.outputs[0]]
        self.graph = graph
        self.evaluation = evaluation
    }

    /// By some elements of a parameter.
    package func gradient(_ number: Int, elements: some Sequence<Int>) throws -> [Double] {
        try elements.map { element in
            try slope { $0.parameters[number].values[element] += $1 }
        }
    }

    /// Of a parameter along a direction.
    package func derivative(_ number: Int, along direction: [Double]) throws -> Double {
        try slope { moved, step in
            for (element, share) in direction.enumerated() { moved.parameters[number].values[element] += step * share }
        }
    }

    private func slope(_ move: (inout Evaluation64, Double) -> Void) throws -> Double {
        let step = 0x1p-17
        func loss(_ step: Double) throws -> Double {
            var moved = evaluation
            move(&moved, step)
            return try moved.run(graph)[0].values[0]
        }
        return (try loss(step) - loss(-step)) / (2 * step)
    }
}
