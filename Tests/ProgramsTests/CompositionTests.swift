import Programs
import Testing

/// Whole methods, written as a plugin would write them, differentiated and checked by finite differences.
struct CompositionTests {
    static let context = EvaluationContext(rowOffsets: [0, 2, 2, 5], targets: 2)

    /// A builder with arguments of these shapes, filled with numbers from one stream.
    static func setUp(_ shapes: [Shape]) -> (GradientCheck, [Value]) {
        let builder = GraphBuilder()
        var stream = Stream(11)
        let values = shapes.enumerated().map { builder.argument($0.offset, TensorType($0.element)) }
        let tensors = shapes.map { shape in
            let size = context.sizes.shape(TensorType(shape))
            return Tensor64(size, stream.values(size.reduce(1, *)))
        }
        return (GradientCheck(builder, context, arguments: tensors), values)
    }

    /// y = x Wᵀ + s · x Aᵀ Bᵀ (Hu et al. 2021).
    @Test func lora() throws {
        var (check, v) = Self.setUp([[.tokens, 4], [3, 4], [2, 4], [3, 2]])
        let g = check.builder
        let (x, w, a, b) = (v[0], v[1], v[2], v[3])
        let update = g.matmul(g.matmul(x, a, transposeB: true), b, transposeB: true)
        let y = g.add(g.matmul(x, w, transposeB: true), g.mul(g.constant(0.5), update))
        let loss = check.loss(y)
        let before = g.graph.nodes.count
        try check.expect(loss, by: [a, b], "LoRA")
        // Two contractions, for A and for B: none for W; and no product with W, for nothing below is trained.
        let made = g.graph.nodes[before...]
        #expect(made.count { $0.op == .contract } == 2)
        #expect(!made.contains { $0.inputs.contains(w) })
    }

    /// Two frozen layers, an adapter on each: the lower frozen weight takes part in nothing, the upper one in one product.
    @Test func nothingIsComputedForWhatIsFrozen() throws {
        var (check, v) = Self.setUp([[.tokens, 4], [4, 4], [4, 4], [4, 4], [4, 4], [4]])
        let g = check.builder
        let first = g.unary(.tanh, g.matmul(v[0], v[1], transposeB: true))
        let second = g.add(g.matmul(first, v[2], transposeB: true), g.matmul(first, v[3], transposeB: true))
        let third = g.rmsNorm(g.matmul(second, v[4], transposeB: true), weight: v[5], epsilon: 1e-5)
        let loss = check.loss(third)
        let before = g.graph.nodes.count
        try check.expect(loss, by: [v[3]], "a frozen chain")
        let made = g.graph.nodes[before...]
        #expect(made.count { $0.op == .contract } == 1)
        #expect(made.count { $0.op == .matmul } == 1)
        #expect(made.first { $0.op == .matmul }?.inputs.contains(v[4]) == true)
        #expect(!made.contains { $0.inputs.contains(v[1]) || $0.inputs.contains(v[2]) })
        #expect(!made.contains { $0.op == .unaryGradient || $0.inputs.contains(where: { $0 == v[0] }) })
    }

    /// The norm of W + BA is held constant (Liu et al. 2024, section 4.3): the gradient is that of the same expression with
    /// the norm as an argument.
    @Test func doraWithAStoppedNorm() throws {
        var (check, v) = Self.setUp([[.tokens, 4], [3, 4], [2, 4], [3, 2], [3], [3]])
        let g = check.builder
        let (x, w, a, b, magnitude) = (v[0], v[1], v[2], v[3], v[4])
        let adapted = g.add(w, g.matmul(b, a))
        let norm = g.unary(.sqrt, g.reduce(.sum, g.mul(adapted, adapted), axes: [1]))
        check.arguments[5] = try check.run([norm])[0]
        func y(_ norm: Value) -> Value { g.mul(g.matmul(x, adapted, transposeB: true), g.div(magnitude, norm)) }
        let stopped = check.loss(y(g.stopGradient(norm)))
        let fixed = g.reduce(.sum, g.mul(y(v[5]), g.argument(6, TensorType([.tokens, 3]))))
        try check.expect(fixed, by: [a, b, magnitude], "DoRA, norm given")
        let gradients =
            g.gradients(of: stopped, by: [a, b, magnitude]) + g.gradients(of: fixed, by: [a, b, magnitude])
        let values = try check.run(gradients.compactMap { $0 })
        try #require(values.count == 6)
        for index in 0..<3 { #expect(isClose(values[index].values, values[index + 3].values, 1e-13)) }
        let through = check.loss(y(norm))
        try check.expect(through, by: [a, b, magnitude], "DoRA, norm differentiated")
    }

    /// Keys and values in front of each row's own (Li & Liang 2021), made by an embedding and a projection.
    @Test func prefixTuning() throws {
        var (check, v) = Self.setUp([
            [.tokens, 4, 2], [.tokens, 2, 2], [.tokens, 2, 2], [3, 3], [3, 8],
        ])
        let g = check.builder
        let encoded = g.reshape(g.matmul(g.unary(.tanh, v[3]), v[4]), [3, 2, 2, 2])
        func half(_ index: Int) -> Value { g.reshape(g.slice(encoded, axis: 1, index..<(index + 1)), [3, 2, 2]) }
        let y = g.attention(v[0], v[1], v[2], more: (half(0), half(1)), window: 3, scale: 0.7)
        try check.expect(sumOf: y, by: v, "prefix tuning")
    }

    /// Gated attention over a set of keys per row (Zhang et al. 2023, with features).
    @Test func llamaAdapter() throws {
        var (check, v) = Self.setUp([[.tokens, 2, 3], [.rows, 4, 1, 3], [.rows, 4, 1, 3], [2, 1]])
        let g = check.builder
        let y = g.mul(g.unary(.tanh, v[3]), g.attention(v[0], overSet: v[1], v[2], scale: 0.5))
        try check.expect(sumOf: y, by: v, "LLaMA-Adapter")
    }

    @Test func chainOfNorms() throws {
        var (check, v) = Self.setUp([[.tokens, 4], [4], [4], [4], [8, 4], [4, 8]])
        let g = check.builder
        let normal = g.rmsNorm(v[0], weight: v[1], epsilon: 1e-5)
        let hidden = g.unary(.silu, g.matmul(normal, v[4], transposeB: true))
        let residual = g.add(v[0], g.matmul(hidden, v[5], transposeB: true))
        let again = g.rmsNorm(residual, weight: v[1], epsilon: 1e-5)
        try check.expect(
            sumOf: g.layerNorm(again, weight: v[2], bias: v[3], epsilon: 1e-5), by: v, "a chain of norms")
    }

    /// P-Tuning's encoder: virtual tokens through an unrolled recurrence and an MLP, put into the prompt.
    @Test func pTuning() throws {
        var (check, v) = Self.setUp([[4, 3], [6, 3], [3, 3], [5, 3], [3, 5]])
        let g = check.builder
        var state = g.broadcast(g.constant(0), [1, 3])
        var states: [Value] = []
        for token in 0..<4 {
            let x = g.slice(v[0], axis: 0, token..<(token + 1))
            let both = g.add(g.matmul(x, v[1], transposeB: true), g.broadcast(g.constant(0.1), [1, 6]))
            let gate = g.unary(.sigmoid, g.slice(both, axis: 1, 0..<3))
            let new = g.unary(.tanh, g.add(g.slice(both, axis: 1, 3..<6), g.matmul(state, v[2])))
            state = g.add(g.mul(gate, state), g.mul(g.sub(g.constant(1), gate), new))
            states.append(state)
        }
        let hidden = g.unary(.relu, g.matmul(g.concat(states, axis: 0), v[3], transposeB: true))
        let prompt = g.matmul(hidden, v[4], transposeB: true)
        let position = g.constant([0, 3, 1, 1], shape: [4], dtype: .i32)
        try check.expect(sumOf: g.gather(prompt, position), by: v, "P-Tuning")
    }

    /// (I + S)⁻¹(I − S) W with S = A − Aᵀ (OFT, Qiu et al. 2023), block by block.
    @Test func cayley() throws {
        var (check, v) = Self.setUp([[2, 3, 3], [6, 4], [.tokens, 4]])
        let g = check.builder
        let skew = g.sub(v[0], g.transpose(v[0], [0, 2, 1]))
        let identity = g.constant([1, 0, 0, 0, 1, 0, 0, 0, 1], shape: [3, 3])
        let eye = g.broadcast(identity, [2, 3, 3])
        let turn = g.append(.solve, [g.add(eye, skew), g.sub(eye, skew)])
        let weight = g.reshape(g.matmul(turn, g.reshape(v[1], [2, 3, 4])), [6, 4])
        try check.expect(sumOf: g.matmul(v[2], weight, transposeB: true), by: v, "Cayley")
        let gram = try check.run([g.matmul(turn, turn, transposeA: true)])[0]
        #expect(isClose(gram.values, [1, 0, 0, 0, 1, 0, 0, 0, 1, 1, 0, 0, 0, 1, 0, 0, 0, 1], 1e-14))
    }

    /// ‖PPᵀ − I‖ + ‖QᵀQ − I‖ (Zhang et al. 2023, equation 4) and the masked product PΛQ.
    @Test func adaLoRA() throws {
        var (check, v) = Self.setUp([[.tokens, 4], [3, 4], [3], [5, 3]])
        let g = check.builder
        let (x, a, e, b) = (v[0], v[1], v[2], v[3])
        let eye = g.constant([1, 0, 0, 0, 1, 0, 0, 0, 1], shape: [3, 3])
        func distance(_ gram: Value) -> Value {
            let difference = g.sub(gram, eye)
            return g.unary(.sqrt, g.reduce(.sum, g.mul(difference, difference)))
        }
        let penalty = g.add(distance(g.matmul(a, a, transposeB: true)), distance(g.matmul(b, b, transposeA: true)))
        let threshold = g.append(.kthValue, [g.stopGradient(g.unary(.abs, e)), g.constant(1)])
        let kept = g.select(g.append(.less, [threshold, g.unary(.abs, e)]), e, g.constant(0))
        let y = g.matmul(g.mul(g.matmul(x, a, transposeB: true), kept), b, transposeB: true)
        let loss = g.add(check.loss(y), g.mul(g.constant(0.5), penalty))
        try check.expect(loss, by: [a, e, b], "AdaLoRA")
    }

    /// A head over the last token of each row, with the loss of the host.
    @Test func classifier() throws {
        var (check, v) = Self.setUp([[.tokens, 3], [4, 3], [.targets]])
        let g = check.builder
        let index = g.constant([1, 4], shape: [2], dtype: .i32)
        let rowsOfTargets = g.reshape(g.gather(v[0], index), [2, 3])
        let logits = g.matmul(rowsOfTargets, v[1], transposeB: true)
        let losses = g.crossEntropy(logits, labels: g.constant([3, -1], shape: [2], dtype: .i32))
        try check.expect(sumOf: losses, by: [v[0], v[1]], "a classifier")
        let pooled = g.append(.rowMean, [v[0]])
        try check.expect(sumOf: g.rowGather(g.unary(.tanh, pooled)), by: [v[0]], "row means")
    }

    /// The recomputed mask is the forward's: a gradient through dropout agrees with differences.
    @Test func dropoutRepeatsItsMask() throws {
        let context = EvaluationContext(rowOffsets: [0, 2, 5]) { (node, element) throws(ProgramError) in
            var stream = Stream(UInt64(node.attributes.integers[0] * 1000 + element))
            return stream.uniform(0..<1)
        }
        let g = GraphBuilder()
        let x = g.argument(0, TensorType([.tokens, 3]))
        var stream = Stream(3)
        var check = GradientCheck(g, context, arguments: [Tensor64([5, 3], stream.values(15))])
        let first = g.append(.dropout, [x], Attributes(integers: [0], scalars: [0.5]))
        let second = g.append(.dropout, [g.unary(.tanh, first)], Attributes(integers: [1], scalars: [0.25]))
        try check.expect(sumOf: second, by: [x], "dropout")
    }
}
