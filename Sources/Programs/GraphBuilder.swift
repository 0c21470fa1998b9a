/// Builds a graph, one operator at a time.
///
/// Errors are sticky: an operator that fails returns `Value.none`, every operator that is given `none` returns it, and
/// the first error is kept until `finish`. So code that builds reads like the formula.
package final class GraphBuilder {
    /// What the graph may do.
    package enum Scope: Hashable, Sendable {
        /// The host's own graphs: everything.
        case host
        /// A plugin's `forward`: token-local, the public operators only.
        case tokenLocal
        /// A plugin's graphs over parameters (`init`, `merge`, `update`, …): the public operators only.
        case parameters
    }

    package let scope: Scope
    package private(set) var graph = Graph()
    package private(set) var error: ProgramError?
    private var known: [Node: Int] = [:]
    private var randomOrdinal = 0

    package init(scope: Scope = .host) { self.scope = scope }

    /// The type of a value, or a scalar where there is none.
    package func type(_ value: Value) -> TensorType {
        graph.contains(value) ? graph.type(value) : .scalar
    }

    /// Notes the first error.
    @discardableResult
    package func fail(_ message: String) -> Value {
        if error == nil { error = ProgramError(message) }
        return .none
    }

    /// Appends one operator and returns its first result. Equal nodes are one node: graphs are pure.
    @discardableResult
    package func append(_ op: Operator, _ inputs: [Value] = [], _ attributes: Attributes = Attributes()) -> Value {
        guard error == nil, !inputs.contains(.none) else { return .none }
        guard inputs.allSatisfy(graph.contains) else {
            return fail("\(op.name): an operand is not a value of this graph")
        }
        var attributes = attributes
        if op.isRandom, scope != .host {
            attributes.integers.insert(randomOrdinal, at: 0)
            randomOrdinal += 1
        }
        do throws(ProgramError) {
            let types = inputs.map(graph.type)
            let results = try inferTypes(op, types, attributes)
            try scope.check(op, types, results, attributes)
            let node = Node(op, inputs, attributes, results: results)
            if let index = known[node] { return Value(index) }
            known[node] = graph.nodes.count
            graph.nodes.append(node)
            return Value(graph.nodes.count - 1)
        } catch {
            return fail(error.message)
        }
    }

    /// The graph with these outputs.
    package func finish(_ outputs: [Value]) throws(ProgramError) -> Graph {
        if let error { throw error }
        guard outputs.allSatisfy(graph.contains) else { throw ProgramError("a graph's output is not a value of it") }
        graph.outputs = outputs
        return graph
    }

    /// Copies another graph in. `leaf` gives the value that stands for a leaf (or for `base`) of it, given the node and
    /// its already copied inputs; nil copies the node as it is.
    ///
    /// - Parameter stream: the module path of the site at which `other` stands. It names the random streams of `other`:
    ///   without it the first dropout at one site would be the first dropout at every site.
    /// - Returns: the outputs of `other`, as values of this graph.
    package func inline(_ other: Graph, stream: String = "", leaf: (Node, [Value]) -> Value?) -> [Value] {
        var copied: [Value] = []
        copied.reserveCapacity(other.nodes.count)
        for node in other.nodes {
            let inputs = node.inputs.map { input -> Value in
                let base = copied[input.node]
                return base == .none ? .none : Value(base.node, input.result == 0 ? base.result : input.result)
            }
            copied.append(leaf(node, inputs) ?? append(node.op, inputs, attributes(of: node, stream: stream)))
        }
        return other.outputs.map { output in
            let base = copied[output.node]
            return base == .none ? .none : Value(base.node, output.result == 0 ? base.result : output.result)
        }
    }

    /// What a copied node keeps: its draws are named here by the stream, or numbered anew in a plugin's own graph.
    private func attributes(of node: Node, stream: String) -> Attributes {
        var attributes = node.attributes
        guard node.op.isRandom else { return attributes }
        if scope != .host {
            attributes.integers.removeFirst()
        } else if !stream.isEmpty {
            attributes.text = stream
        }
        return attributes
    }
}
