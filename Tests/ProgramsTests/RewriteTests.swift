import Programs
import Testing

/// Graphs that are rewritten to save work compute what they computed, and only where they may.
struct RewriteTests {
    static let context = EvaluationContext(rowOffsets: [0, 3, 5], targets: 2)

    /// A block without attention behind an attention, looked at in two places.
    static func classifier(_ middle: (GraphBuilder, Value) -> Value = { $1 }) throws -> Graph {
        let g = GraphBuilder()
        let table = g.parameter(0, TensorType([9, 4]))
        let x = g.gather(table, g.input(.tokenIDs))
        let heads = g.reshape(x, [.tokens, 2, 2])
        let attended = g.reshape(g.attention(heads, heads, heads, scale: 0.7), [.tokens, 4])
        let y = g.add(x, g.matmul(attended, g.parameter(1, TensorType([4, 4]))))
        let normed = middle(g, g.rmsNorm(y, weight: g.parameter(2, TensorType([4])), epsilon: 1e-5))
        let z = g.add(y, g.unary(.silu, g.matmul(normed, g.parameter(1, TensorType([4, 4])))))
        return try g.finish([g.matmul(g.gather(z, g.input(.targetIndex)), g.parameter(3, TensorType([4, 3])))])
    }

    private static func values(_ graph: Graph) throws -> [[Double]] {
        try Evaluator.run(graph, context) { node throws(ProgramError) in
            switch node.op {
            case .input:
                let isIDs = node.attributes.integers[0] == StepInput.tokenIDs.rawValue
                return isIDs ? Tensor64([5], [1, 8, 0, 3, 3]) : Tensor64([2], [1, 4])
            default:
                var stream = Stream(UInt64(7 + node.attributes.integers[0]))
                let shape = node.type.shape.map { context.sizes.size($0) }
                return Tensor64(shape, stream.values(shape.reduce(1, *)))
            }
        }.map(\.values)
    }

    private static func products(_ graph: Graph, over symbol: Dim) -> Int {
        let live = graph.live(from: graph.outputs)
        return graph.nodes.indices.count {
            live[$0] && graph.nodes[$0].op == .matmul && graph.nodes[$0].type.symbol == symbol
        }
    }

    @Test func tokensThatNobodyPredictsFromAreLeftOut() throws {
        let graph = try Self.classifier()
        let early = try graph.gatheringEarly()
        // Behind the attention there are two products, and the head's.
        #expect(Self.products(graph, over: .tokens) == 2 && Self.products(graph, over: .targets) == 1)
        #expect(Self.products(early, over: .tokens) == 0 && Self.products(early, over: .targets) == 3)
        for (found, expected) in zip(try Self.values(early), try Self.values(graph)) {
            #expect(zip(found, expected).allSatisfy { abs($0 - $1) <= 1e-12 })
        }
    }

    /// Dropout draws for all tokens; what it reads is wanted of all, what reads it is not.
    @Test func randomNumbersStayWithAllTokens() throws {
        let graph = try Self.classifier { g, x in
            g.append(.dropout, [x], Attributes(integers: [0], scalars: [0.5], text: "method|site"))
        }
        let early = try graph.gatheringEarly()
        let dropout = early.nodes.first { $0.op == .dropout }
        #expect(dropout?.type.symbol == .tokens)
        #expect(Self.products(early, over: .tokens) == 1 && Self.products(early, over: .targets) == 2)
    }

    /// What an output shows is computed for all tokens.
    @Test func outputsAreWhole() throws {
        var graph = try Self.classifier()
        let last = graph.nodes.lastIndex { $0.op == .add }!
        graph.outputs.append(Value(last))
        #expect(try Self.products(graph.gatheringEarly(), over: .tokens) == 2)
    }

    /// A chain over rows, in which one value is of the kind under test; a parameter enters at its end.
    private static func chain(_ value: (GraphBuilder, Value) -> Value) throws -> RowSplit {
        let g = GraphBuilder()
        let table = g.frozen("table", TensorType([9, 4]))
        let x = g.matmul(g.gather(table, g.input(.tokenIDs)), g.frozen("w", TensorType([4, 4])))
        let y = value(g, x)
        return RowSplit(try g.finish([g.matmul(y, g.parameter(0, TensorType([4, 4])))]))
    }

    @Test func rowsAloneDecide() throws {
        let split = try Self.chain { g, x in g.matmul(x, g.frozen("v", TensorType([4, 4]))) }
        #expect(split.kept == [TensorType([.tokens, 4])] && split.saved > 0.6 && split.width == 4)
        #expect(!split.rest.nodes.contains { $0.op == .frozen })
        #expect(!split.rows.nodes.contains { $0.op == .parameter })
    }

    @Test(arguments: ["parameter", "step", "training", "dropout", "row input", "row mean", "row of token"])
    func isNotKept(_ kind: String) throws {
        let split = try Self.chain { g, x in
            switch kind {
            case "parameter": g.matmul(x, g.parameter(1, TensorType([4, 4])))
            case "step": g.mul(x, g.input(.step))
            case "training": g.mul(x, g.input(.training))
            case "dropout": g.append(.dropout, [x], Attributes(integers: [0], scalars: [0.5], text: "a|b"))
            case "row input": g.add(x, g.rowGather(g.rowInput("features", shape: [4])))
            case "row mean": g.add(x, g.rowGather(g.rowMean(x)))
            default: g.mul(x, g.reshape(g.cast(g.input(.rowOfToken), .f32), [.tokens, 1]))
            }
        }
        // What stands in front of it is.
        #expect(split.kept == [TensorType([.tokens, 4])])
        #expect(split.rest.nodes.count { $0.op == .matmul } == (kind == "parameter" ? 2 : 1))
        #expect(
            split.rest.nodes.contains { $0.op != .argument && $0.op != .matmul && !$0.op.isLeaf }
                == (kind != "parameter"))
    }
}
