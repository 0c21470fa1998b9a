import Programs
import TestSupport
import Testing

/// Reverse-mode differentiation against finite differences, over the same case table as the forward.
struct GradientTests {
    static let withoutGradient: Set<Operator> = [
        .floor, .mod, .cumsum, .sort, .topK, .kthValue, .qr, .svd,
    ]
    /// What is made by differentiation is not differentiated again, but for the sum over a row's tokens.
    static let madeByDifferentiation = Operator.allCases.filter { $0.rawValue >= 1000 && $0 != .rowSum }
    static let comparisons: Set<Operator> = [.equal, .less, .lessEqual]
    static let differentiable = OperatorTests.operators.filter {
        !withoutGradient.contains($0) && !madeByDifferentiation.contains($0) && !comparisons.contains($0)
            && ![.bernoulli, .normal, .uniform, .rowBernoulli].contains($0)
    }

    @Test(arguments: differentiable)
    func operatorAgainstFiniteDifferences(_ op: Operator) throws {
        for item in OperatorCase.all where item.op == op && item.results[0].type.dtype == .f32 {
            let builder = GraphBuilder()
            var check = GradientCheck(
                builder, item.context,
                arguments: item.operands.map { operand in
                    Tensor64(item.sizes.shape(operand.type), operand.values)
                })
            let loss = check.loss(item.apply(in: builder))
            let sources = item.operands.indices.filter { item.isDifferentiable($0) }
                .map { builder.argument($0, item.operands[$0].type) }
            if op == .mean, item.operands[0].type.symbol != nil, item.results[0].type.symbol == nil {
                #expect(builder.gradients(of: loss, by: sources) == [nil])
                #expect(builder.error?.message.hasPrefix("mean over tokens has no gradient") == true)
                continue
            }
            try check.expect(loss, by: sources, "\(item)")
            // Each operand alone: only what it needs is made.
            if sources.count > 1 {
                for source in sources { try check.expect(loss, by: [source], "\(item)") }
            }
        }
    }

    @Test(arguments: withoutGradient.union(madeByDifferentiation).sorted { $0.rawValue < $1.rawValue })
    func operatorWithoutGradientSaysSo(_ op: Operator) throws {
        let item = try #require(OperatorCase.all.first { $0.op == op && $0.operands[0].type.rank > 0 })
        let builder = GraphBuilder()
        let loss = builder.reduce(.sum, item.apply(in: builder))
        #expect(builder.gradients(of: loss, by: [builder.argument(0, item.operands[0].type)]) == [nil])
        #expect(builder.error?.message == "\(op.name) has no gradient")
    }

    @Test(arguments: [Operator.equal, .less, .lessEqual])
    func comparisonIsAConstantAlmostEverywhere(_ op: Operator) throws {
        let builder = GraphBuilder()
        let x = builder.argument(0, TensorType([3]))
        let mask = builder.append(op, [x, builder.constant(0.5)])
        let loss = builder.reduce(.sum, builder.add(mask, builder.mul(x, mask)))
        let gradient = try #require(builder.gradients(of: loss, by: [x])[0])
        let results = try Evaluator.run(builder.finish([gradient, mask])) { _ in Tensor64([3], [0.5, 0.25, 1]) }
        #expect(results[0] == results[1])
    }

    /// Second results (statistics, log-sums) are read by gradients only: nobody may differentiate through them.
    @Test(arguments: [Operator.rmsNorm, .layerNorm, .attention])
    func secondResultsAreNeverDifferentiated(_ op: Operator) throws {
        let item = try #require(OperatorCase.all.first { $0.op == op })
        let builder = GraphBuilder()
        let y = item.apply(in: builder)
        let loss = builder.reduce(.sum, Value(y.node, 1))
        #expect(builder.gradients(of: loss, by: [builder.argument(0, item.operands[0].type)]) == [nil])
        #expect(builder.error?.message == "\(op.name): only its first result can be differentiated")
    }

    @Test func anglesOfRopeHaveNoGradient() {
        let builder = GraphBuilder()
        let x = builder.argument(0, TensorType([.tokens, 1, 2]))
        let angle = builder.argument(1, TensorType([.tokens, 1]))
        let y = builder.rope(x, cos: builder.unary(.cos, angle), sin: builder.unary(.sin, angle))
        #expect(builder.gradients(of: builder.reduce(.sum, y), by: [angle]) == [nil])
        #expect(builder.error?.message == "rope has no gradient by its angles")
    }

    @Test func onlyAScalarIsDifferentiated() {
        let builder = GraphBuilder()
        let x = builder.argument(0, TensorType([3]))
        #expect(builder.gradients(of: x, by: [x]) == [nil])
        #expect(builder.error?.message == "only a scalar can be differentiated, not f32[3]")
    }

    @Test func forgedValuesAreAnError() {
        let builder = GraphBuilder()
        let x = builder.argument(0, .scalar)
        #expect(builder.gradients(of: x, by: [Value(40)]) == [nil])
        #expect(builder.error?.message == "gradients: a loss or a source is not a value of this graph")
        #expect(builder.reshape(Value(7, 3), [1]) == .none)
    }

    @Test func whatTheLossDoesNotDependOnHasNone() {
        let builder = GraphBuilder()
        let (x, y) = (builder.argument(0, .scalar), builder.argument(1, .scalar))
        let loss = builder.mul(x, builder.stopGradient(y))
        #expect(
            builder.gradients(of: loss, by: [x, y]) == [builder.mul(builder.constant(1), builder.stopGradient(y)), nil])
    }
}

extension OperatorCase {
    /// Whether the first result has a gradient by this operand.
    func isDifferentiable(_ index: Int) -> Bool {
        guard operands[index].type.dtype == .f32 else { return false }
        switch op {
        case .select: return index > 0
        case .rope: return index == 0
        default: return true
        }
    }
}
