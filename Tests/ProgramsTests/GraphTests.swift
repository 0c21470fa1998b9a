import Programs
import Testing

struct GraphTests {
    static let x = TensorType([.tokens, 4])

    @Test func equalNodesAreOne() {
        let g = GraphBuilder()
        let x = g.argument(0, Self.x)
        #expect(g.unary(.tanh, x) == g.unary(.tanh, x))
        #expect(g.unary(.tanh, x) != g.unary(.sin, x))
        #expect(g.constant(0) != g.constant(-0.0))
        #expect(g.constant(.nan) == g.constant(.nan))
        // One canonical class of Unicode, two names.
        #expect(g.frozen("\u{E9}", .scalar) != g.frozen("e\u{301}", .scalar))
        #expect(g.graph.nodes.count == 8)
    }

    @Test func randomOperatorsAreNeverOne() {
        let g = GraphBuilder(scope: .tokenLocal)
        let x = g.argument(0, Self.x)
        let (first, second) = (g.dropout(x, probability: 0.5), g.dropout(x, probability: 0.5))
        #expect(first != second)
        #expect(g.graph.node(first).attributes.integers == [0] && g.graph.node(second).attributes.integers == [1])
        #expect(g.dropout(x, probability: 0) == x)
    }

    /// The first draw at one site is not the first draw at another; at one site, read twice, it is one.
    @Test func inlinedStreamsKeepTheirSites() throws {
        let method = GraphBuilder(scope: .tokenLocal)
        let noisy = try method.finish([method.dropout(method.argument(0, Self.x), probability: 0.5)])
        let g = GraphBuilder()
        let x = g.argument(0, Self.x)
        func stand(_ path: String) -> Value {
            g.inline(noisy, stream: path) { node, _ in node.op == .argument ? x : nil }[0]
        }
        #expect(stand("layers.0.q") == stand("layers.0.q"))
        #expect(stand("layers.0.q") != stand("layers.0.v"))
        #expect(
            g.graph.node(stand("layers.0.v")).attributes
                == Attributes(integers: [0], scalars: [0.5], text: "layers.0.v"))
        // In a plugin's own graph the copies are numbered anew.
        let outer = GraphBuilder(scope: .tokenLocal)
        let y = outer.dropout(outer.argument(0, Self.x), probability: 0.5)
        let z = outer.inline(noisy) { node, _ in node.op == .argument ? y : nil }[0]
        #expect(outer.graph.node(z).attributes.integers == [1])
    }

    @Test func inlineReplacesLeavesAndKeepsResults() throws {
        let inner = GraphBuilder(scope: .tokenLocal)
        let v = inner.argument(0, Self.x)
        let sorted = inner.append(.sort, [v])
        let graph = try inner.finish([inner.base(inner.add(v, sorted), outputs: 2), Value(sorted.node, 1)])
        let g = GraphBuilder()
        let x = g.unary(.tanh, g.argument(3, Self.x))
        let w = g.frozen("w", TensorType([2, 4]))
        let outputs = g.inline(graph) { node, inputs in
            switch node.op {
            case .argument: x
            case .base: g.matmul(inputs[0], w, transposeB: true)
            default: nil
            }
        }
        let result = try g.finish(outputs)
        #expect(
            result.text == """
                %0 = argument 3 : f32[N,4]
                %1 = tanh(%0) : f32[N,4]
                %2 = frozen "w" : f32[2,4]
                %3 = sort(%1) : f32[N,4], i32[N,4]
                %4 = add(%1, %3) : f32[N,4]
                %5 = matmul(%4, %2ᵀ) : f32[N,2]
                return %5, %3.1

                """)
    }

    /// The order of writing, unused nodes and repeated ones do not matter; the order of the outputs does.
    @Test func canonicalForm() throws {
        func build(_ swapped: Bool) throws -> Graph {
            let g = GraphBuilder()
            let x = g.argument(0, Self.x)
            var parts: [Value] = []
            for op in swapped ? [Operator.sin, .floor, .cos] : [.cos, .sin] { parts.append(g.unary(op, x)) }
            let (sine, cosine) = swapped ? (parts[0], parts[2]) : (parts[1], parts[0])
            return try g.finish([g.mul(sine, cosine), cosine])
        }
        let (a, b) = (try build(false), try build(true))
        #expect(a != b)
        #expect(a.canonical() == b.canonical())
        #expect(a.canonical().canonical() == a.canonical())
        var turned = a
        turned.outputs.reverse()
        #expect(turned.canonical() != a.canonical())
        // A graph that was read may hold one node twice.
        var doubled = a
        doubled.nodes.append(a.nodes[1])
        doubled.nodes.append(Node(.mul, [Value(2), Value(4)], Attributes(), results: [Self.x]))
        doubled.outputs[0] = Value(5)
        #expect(doubled.canonical() == a.canonical())
    }

    @Test func canonicalFormOfAVeryDeepGraph() throws {
        let g = GraphBuilder()
        var x = g.argument(0, .scalar)
        for _ in 0..<20_000 { x = g.add(g.unary(.tanh, x), g.constant(1)) }
        let graph = try g.finish([x])
        #expect(graph.canonical().nodes.count == 40_002)
    }

    @Test func theFirstErrorStays() {
        let g = GraphBuilder()
        let x = g.argument(0, Self.x)
        let broken = g.matmul(x, g.argument(1, TensorType([3, 5])))
        #expect(broken == .none)
        #expect(g.add(broken, x) == .none)
        g.fail("later")
        let message = "matmul(f32[N,4], f32[3,5]): the inner sizes differ: 4 and 3"
        #expect(throws: ProgramError(message)) { try g.finish([x]) }
    }

    @Test func outputsMustBeValues() {
        let g = GraphBuilder()
        let x = g.argument(0, Self.x)
        for output in [Value.none, Value(4), Value(x.node, 1), Value(-3, 2)] {
            #expect(throws: ProgramError("a graph's output is not a value of it")) { try g.finish([output]) }
        }
    }

    /// Every attribute by name, once.
    @Test func text() throws {
        let g = GraphBuilder()
        let x = g.argument(0, TensorType([.tokens, 2, 4]))
        let p = g.parameter(3, TensorType([4]))
        let flat = g.reshape(x, [.tokens, 8])
        let table = g.constant((0..<10).map { Double($0) / 2 }, shape: [10])
        let rope = g.rope(
            x, cos: g.argument(1, TensorType([.tokens, 2])), sin: g.argument(2, TensorType([.tokens, 2])), inverse: true
        )
        let draws = g.append(.normal, [], Attributes(integers: [4, 0, 2], scalars: [0, 0.02], text: "model.q\n"))
        let outputs = [
            g.rmsNorm(x, weight: p, epsilon: 1e-5), g.reduce(.max, flat, axes: [1], keep: true), rope,
            g.attention(x, x, x, window: 9, scale: 0.125), g.transpose(x, [0, 2, 1]), g.slice(flat, axis: 1, 2..<5),
            g.cast(g.input(.positions), .f32), g.site(.rowNorms, TensorType([8])), table, draws,
            g.append(.dropout, [flat], Attributes(integers: [0], scalars: [0.1])), g.constant([1, -2], shape: [2]),
            g.iota(3),
            g.append(.unaryGradient, [flat, flat], Attributes(integers: [29])),
            g.append(.topK, [flat], Attributes(integers: [2])),
        ]
        #expect(
            try g.finish(outputs).text == """
                %0 = argument 0 : f32[N,2,4]
                %1 = parameter 3 : f32[4]
                %2 = reshape(%0) : f32[N,8]
                %3 = constant [0.0, 0.5, 1.0, 1.5, 2.0, 2.5, … 10 numbers] : f32[10]
                %4 = argument 1 : f32[N,2]
                %5 = argument 2 : f32[N,2]
                %6 = rope(%0, %4, %5, inverse) : f32[N,2,4]
                %7 = normal(mean: 0.0, deviation: 0.02, ordinal: 4, stream: "model.q\\n") : f32[2]
                %8 = rmsNorm(%0, %1, epsilon: 1e-05) : f32[N,2,4], f32[N,2]
                %9 = max(%2, axes: [1], keep) : f32[N,1]
                %10 = attention(%0, %0, %0, window: 9, scale: 0.125) : f32[N,2,4], f32[N,2]
                %11 = transpose(%0, order: [0, 2, 1]) : f32[N,4,2]
                %12 = slice(%2, axis: 1, 2..<5) : f32[N,3]
                %13 = input positions : i32[N]
                %14 = cast(%13) : f32[N]
                %15 = site rowNorms : f32[8]
                %16 = dropout(%2, p: 0.1, ordinal: 0) : f32[N,8]
                %17 = constant [1.0, -2.0] : f32[2]
                %18 = iota() : i32[3]
                %19 = unaryGradient(%2, %2, of: silu) : f32[N,8]
                %20 = topK(%2, k: 2) : f32[N,2], i32[N,2]
                return %8, %9, %6, %10, %11, %12, %14, %15, %3, %7, %16, %17, %18, %19, %20

                """)
    }
}
