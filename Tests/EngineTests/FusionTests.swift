import Engine
import Programs
import Testing

/// What the engine runs in fewer passes is what was written.
struct FusionTests {
    private static let shape = TensorType([.tokens, 6])

    /// The outputs against the evaluator, and the names of the instructions that made them.
    private static func names(_ g: GraphBuilder, _ outputs: [Value]) throws -> [String] {
        let graph = try g.finish(outputs)
        var numbers = SplitMix(state: 3)
        let operands = (0..<6).map { _ in (0..<36).map { _ in Double(Float(numbers.unit() * 2 - 1)) } }
        let rows = [0, 2, 5]
        func values(_ node: Node) -> [Double] {
            Array(operands[node.attributes.integers[0]].prefix(node.type.symbol == nil ? node.type.fixedCount : 30))
        }
        let expected = try Evaluator.run(graph, EvaluationContext(rowOffsets: rows)) { node in
            Tensor64(node.type.shape.map { $0 == .tokens ? 5 : $0.code }, values(node))
        }
        for threads in [1, 2] {
            let found = try run(graph, rowOffsets: rows, threads: threads, leaf: values)
            for (found, expected) in zip(found, expected) { #expect(distance(found, expected.values) <= 1e-5) }
        }
        let sizes = Sizes(tokens: 5, rows: 2, targets: 0)
        let buffer = Buffer(count: 64)
        let executable = try Executable(graph, capacity: sizes, inputs: StepBuffers(capacity: sizes)) {
            _ throws(EngineError) in .memory(buffer.raw)
        }
        return executable.profile(RunContext(sizes: sizes)).flatMap { Array(repeating: $0.name, count: $0.count) }
            .sorted()
    }

    @Test func scaledProductIsAddedInPlace() throws {
        let g = GraphBuilder()
        let (x, w, a) = (
            g.argument(0, Self.shape), g.argument(1, TensorType([6, 6])), g.argument(2, TensorType([6, 6]))
        )
        let y = g.add(g.matmul(x, w, transposeB: true), g.mul(g.constant(3), g.matmul(x, a)))
        #expect(try Self.names(g, [y]) == ["matmul", "matmul"])
    }

    /// What somebody else reads as well stays as it is.
    @Test func sharedValuesAreNotOverwritten() throws {
        let g = GraphBuilder()
        let (x, w) = (g.argument(0, Self.shape), g.argument(1, TensorType([6, 6])))
        let product = g.matmul(x, w)
        let y = g.unary(.tanh, x)
        let sum = g.add(product, y)
        #expect(try Self.names(g, [sum, y]) == ["add", "matmul", "tanh"])
        #expect(try Self.names(g, [sum, product]) == ["add", "matmul", "tanh"])
        #expect(try Self.names(g, [sum, g.unary(.sin, y)]) == ["add", "matmul", "sin", "tanh"])
        #expect(try Self.names(g, [sum]) == ["matmul", "tanh"])
        #expect(try Self.names(g, [g.add(product, product)]) == ["add", "matmul"])
    }

    @Test func gradientsOfALoRALayer() throws {
        let g = GraphBuilder()
        let (x, w) = (g.argument(0, Self.shape), g.argument(1, TensorType([6, 6])))
        let (a, b) = (g.argument(2, TensorType([2, 6])), g.argument(3, TensorType([6, 2])))
        let low = g.matmul(g.matmul(x, a, transposeB: true), b, transposeB: true)
        let y = g.add(g.matmul(x, w, transposeB: true), g.mul(g.constant(4), low))
        let loss = g.reduce(.sum, g.mul(y, g.mul(y, y)))
        let names = try Self.names(g, [loss] + g.gradients(of: loss, by: [x, a, b]).compactMap { $0 })
        // The scale is in the products: what is left to multiply is the cube and its gradient.
        #expect(names.filter { $0 == "contract" }.count == 2)
        #expect(names.filter { $0 == "matmul" }.count == 6)
    }

    @Test func gatedUnit() throws {
        let g = GraphBuilder()
        let (x, w, v) = (
            g.argument(0, Self.shape), g.argument(1, TensorType([6, 6])), g.argument(2, TensorType([6, 6]))
        )
        let y = g.mul(g.unary(.silu, g.matmul(x, w)), g.matmul(x, v))
        #expect(try Self.names(g, [y]) == ["matmul", "matmul", "swiglu"])
        let loss = g.reduce(.sum, g.unary(.sin, y))
        let names = try Self.names(g, [loss] + g.gradients(of: loss, by: [x, w, v]).compactMap { $0 })
        #expect(names.filter { $0.hasPrefix("swiglu") } == ["swiglu", "swigluGradient"])
        #expect(!names.contains("silu") && !names.contains("siluGradient"))
    }
}
