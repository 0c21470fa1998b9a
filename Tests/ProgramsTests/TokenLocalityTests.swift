import Programs
import Testing

/// In a method's forward nothing may mix tokens; what does is refused by name.
struct TokenLocalityTests {
    struct Use: Sendable, CustomStringConvertible {
        let op: Operator
        let operands: [TensorType]
        var integers: [Int] = []
        var scalars: [Double] = []
        var description: String { "\(op.name)(\(operands.map(\.name).joined(separator: ", "))) \(integers)" }

        func build(_ scope: GraphBuilder.Scope) -> GraphBuilder {
            let builder = GraphBuilder(scope: scope)
            let arguments = operands.enumerated().map { builder.argument($0.offset, $0.element) }
            builder.append(op, arguments, Attributes(integers: integers, scalars: scalars))
            return builder
        }
    }

    static let x = TensorType([.tokens, 4])
    static let line = TensorType([.tokens])
    static let row = TensorType([.rows, 4])
    static let w = TensorType([4])

    /// Legal for the host, refused in a token-local graph.
    static let refused = [
        Use(op: .matmul, operands: [x, x], integers: [1, 0]),
        Use(op: .sum, operands: [x], integers: [0]),
        Use(op: .mean, operands: [x], integers: [0, 0]),
        Use(op: .max, operands: [x], integers: [1, 0, 1]),
        Use(op: .sum, operands: [row], integers: [0, 0]),
        Use(op: .softmax, operands: [line]),
        Use(op: .layerNorm, operands: [line, line, line], scalars: [1e-5]),
        Use(op: .rmsNorm, operands: [line, line], scalars: [1e-5]),
        Use(op: .cumsum, operands: [x], integers: [0]),
        Use(op: .sort, operands: [line]),
        Use(op: .gather, operands: [x, TensorType([3], .i32)]),
        Use(op: .gather, operands: [row, TensorType([.tokens], .i32)]),
        Use(op: .scatterAdd, operands: [TensorType([.tokens], .i32), x], integers: [5]),
        Use(op: .scatterAdd, operands: [TensorType([3], .i32), TensorType([3, 4])], integers: [-1]),
        Use(op: .input, operands: [], integers: [StepInput.targetWeights.rawValue]),
        Use(op: .broadcast, operands: [w], integers: [-3, 4]),
    ]

    static let allowed = [
        Use(op: .matmul, operands: [x, TensorType([4, 3])], integers: [0, 0]),
        Use(op: .matmul, operands: [TensorType([.tokens, 2, 3]), TensorType([.tokens, 2, 3])], integers: [1, 0]),
        Use(op: .sum, operands: [x], integers: [0, 1]),
        Use(op: .sum, operands: [w], integers: [0]),
        Use(op: .softmax, operands: [x]),
        Use(op: .rmsNorm, operands: [x, w], scalars: [1e-5]),
        Use(op: .cumsum, operands: [x], integers: [1]),
        Use(op: .sort, operands: [x]),
        Use(op: .topK, operands: [x], integers: [2]),
        Use(op: .slice, operands: [x], integers: [1, 0, 2]),
        Use(op: .concat, operands: [x, x], integers: [1]),
        Use(op: .gather, operands: [TensorType([9, 4]), TensorType([.tokens], .i32)]),
        Use(op: .broadcast, operands: [TensorType([1, 4])], integers: [-1, 4]),
        Use(op: .reshape, operands: [x], integers: [-1, 2, 2]),
        Use(op: .rowGather, operands: [row]),
        Use(op: .rowMean, operands: [x]),
        Use(op: .solve, operands: [TensorType([3, 3]), TensorType([3, 2])]),
        Use(
            op: .attention, operands: Array(repeating: TensorType([.tokens, 2, 4]), count: 3), integers: [0, 0],
            scalars: [0.5]),
        Use(op: .input, operands: [], integers: [StepInput.rowOfToken.rawValue]),
    ]

    @Test(arguments: refused)
    func mixingTokensIsRefused(_ use: Use) throws {
        #expect(use.build(.host).error == nil)
        let message = try #require(use.build(.tokenLocal).error?.message)
        #expect(message.hasPrefix("\(use.op.name)(") && message.contains("is not token-local"), "\(message)")
        // What was not refused while building is refused when the graph is read.
        #expect(throws: ProgramError.self) { try use.build(.host).finish([]).verify(scope: .tokenLocal) }
    }

    @Test(arguments: allowed)
    func theRestIsAllowed(_ use: Use) throws {
        let builder = use.build(.tokenLocal)
        #expect(builder.error == nil)
        try builder.finish([]).verify(scope: .tokenLocal)
    }

    /// Never legal, in whatever scope: the shapes have no meaning.
    @Test(arguments: [
        Use(op: .slice, operands: [x], integers: [0, 0, 1]),
        Use(op: .concat, operands: [x, x], integers: [0]),
        Use(op: .reshape, operands: [x], integers: [4, -1]),
        Use(op: .transpose, operands: [x], integers: [1, 0]),
        Use(op: .matmul, operands: [x, x], integers: [0, 1]),
        Use(op: .base, operands: [line], integers: [3]),
        Use(op: .rowGather, operands: [x]),
        Use(op: .kthValue, operands: [x, .scalar]),
    ])
    func symbolsStayInFront(_ use: Use) throws {
        for scope in [GraphBuilder.Scope.host, .tokenLocal] {
            #expect(try #require(use.build(scope).error?.message).hasPrefix("\(use.op.name)("))
        }
    }

    @Test(arguments: Operator.allCases.filter { $0.rawValue >= 1000 } + [.frozen])
    func theHostsOwnOperators(_ op: Operator) {
        for scope in [GraphBuilder.Scope.tokenLocal, .parameters] {
            #expect(throws: ProgramError("\(op.name) is the host's own operator")) { try Self.scoped(op, scope) }
        }
    }

    @Test(arguments: [
        Use(op: .inverse, operands: [TensorType([3, 3])]), Use(op: .qr, operands: [TensorType([3, 2])]),
        Use(op: .svd, operands: [TensorType([3, 2])]),
    ])
    func decompositionsAreForParameters(_ use: Use) {
        #expect(use.build(.parameters).error == nil)
        #expect(
            use.build(.tokenLocal).error?.message
                == "\(use.op.name) is for init and merge; what runs on every token may use solve")
    }

    /// One node of a kind that the builder would refuse, verified.
    private static func scoped(_ op: Operator, _ scope: GraphBuilder.Scope) throws {
        let builder = GraphBuilder()
        func x(_ index: Int, _ shape: Shape) -> Value { builder.argument(index, TensorType(shape)) }
        let a = x(0, [2, 3])
        let y: Value =
            switch op {
            case .frozen: builder.frozen("model.norm.weight", TensorType([3]))
            case .unaryGradient: builder.append(op, [a, a], Attributes(integers: [29]))
            case .softmaxGradient, .contract: builder.append(op, [a, a])
            case .maxGradient: builder.append(op, [a, x(1, [2])], Attributes(integers: [0, 1]))
            case .layerNormGradient: builder.append(op, [a, x(1, [3]), x(2, [2]), x(3, [2]), a])
            case .rmsNormGradient: builder.append(op, [a, x(1, [3]), x(2, [2]), a])
            case .crossEntropyGradient:
                builder.append(op, [a, builder.argument(1, TensorType([2], .i32)), x(2, [2])])
            case .attentionGradient:
                builder.append(
                    op,
                    Array(repeating: x(0, [.tokens, 1, 2]), count: 4) + [x(1, [.tokens, 1]), x(0, [.tokens, 1, 2])],
                    Attributes(integers: [0, 0], scalars: [1]))
            default: builder.append(op, [x(0, [.tokens, 3])])
            }
        let graph = try builder.finish([y])
        do {
            try graph.verify(scope: scope)
        } catch {
            // Without the number of the node in front.
            throw ProgramError(String(error.message.drop { $0 != " " }.dropFirst()))
        }
    }
}
