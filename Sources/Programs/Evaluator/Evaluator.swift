/// What a batch is, for the evaluator: how many tokens each row has, and what the operators of `peft.ops/1` read apart
/// from their operands.
package struct EvaluationContext: Sendable {
    /// Where each row's tokens begin, and at the end N: R + 1 numbers that ascend from 0.
    package var rowOffsets: [Int]
    /// M
    package var targets: Int
    /// The position of each token; nil: each row counts from 0.
    package var positions: [Int]?
    /// Whether dropout drops.
    package var isTraining: Bool
    /// Number `element` of a random operator's stream: for `normal` from the standard normal law, else uniform in [0, 1).
    package var random: @Sendable (_ node: Node, _ element: Int) throws(ProgramError) -> Double
    /// The results of a plugin's kernel, whose code the evaluator does not have.
    package var call: @Sendable (_ node: Node, _ operands: [Tensor64]) throws(ProgramError) -> [Tensor64] = {
        (node, _) throws(ProgramError) in
        throw ProgramError("\(node.op.name): the evaluator was given no kernels")
    }

    package init(
        rowOffsets: [Int] = [0], targets: Int = 0, positions: [Int]? = nil, isTraining: Bool = true,
        random: @escaping @Sendable (Node, Int) throws(ProgramError) -> Double = { (node, _) throws(ProgramError) in
            throw ProgramError("\(node.op.name): the evaluator was given no random numbers")
        }
    ) {
        self.rowOffsets = rowOffsets
        self.targets = targets
        self.positions = positions
        self.isTraining = isTraining
        self.random = random
    }

    package var sizes: Sizes {
        Sizes(tokens: rowOffsets.last ?? 0, rows: rowOffsets.count - 1, targets: targets)
    }

    /// (N): the row of each token.
    var rowOfToken: [Int] {
        zip(rowOffsets, rowOffsets.dropFirst()).enumerated().flatMap { row, bounds in
            Array(repeating: row, count: bounds.1 - bounds.0)
        }
    }

    func tokens(of row: Int) -> Range<Int> { rowOffsets[row]..<rowOffsets[row + 1] }
}

/// Runs graphs in float64 by the plainest formula of each operator: what the engine and the gradients are checked
/// against. It is no second way to train.
package struct Evaluator {
    let context: EvaluationContext
    let sizes: Sizes

    /// The values of a graph's outputs.
    ///
    /// - Parameter leaf: the value of an argument, a parameter, a tensor of the base, a site's value or a step input.
    ///   Constants, positions, rows of tokens and `training` are known from the graph and the context.
    package static func run(
        _ graph: Graph, _ context: EvaluationContext = EvaluationContext(),
        leaf: (Node) throws(ProgramError) -> Tensor64
    ) throws(ProgramError) -> [Tensor64] {
        let offsets = context.rowOffsets
        guard offsets.first == 0, zip(offsets, offsets.dropFirst()).allSatisfy({ $0 <= $1 }) else {
            throw ProgramError("row offsets must ascend from 0, not \(offsets)")
        }
        let evaluator = Evaluator(context: context, sizes: context.sizes)
        let live = graph.live(from: graph.outputs)
        var results: [[Tensor64]] = []
        results.reserveCapacity(graph.nodes.count)
        for (index, node) in graph.nodes.enumerated() {
            guard live[index] else {
                results.append([])
                continue
            }
            let values: [Tensor64]
            if node.op.isLeaf {
                values = if let known = evaluator.known(node) { [known] } else { [try leaf(node)] }
            } else {
                values = try evaluator.apply(node, node.inputs.map { results[$0.node][$0.result] })
            }
            for (value, type) in zip(values, node.results) {
                let shape = evaluator.sizes.shape(type)
                guard value.shape == shape, value.count == shape.reduce(1, *) else {
                    throw ProgramError(
                        "\(node.op.name): a value of shape \(value.shape) with \(value.count) elements, where "
                            + "\(type.name) means \(shape)")
                }
            }
            results.append(values)
        }
        return graph.outputs.map { results[$0.node][$0.result] }
    }

    /// The value of a leaf that needs no one to give it.
    private func known(_ node: Node) -> Tensor64? {
        switch node.op {
        case .constant: return Tensor64(sizes.shape(node.type), node.attributes.scalars)
        case .iota: return Tensor64(sizes.shape(node.type), (0..<node.attributes.integers[0]).map(Double.init))
        case .input:
            switch StepInput(rawValue: node.attributes.integers[0]) {
            case .positions:
                let counted = context.rowOfToken.enumerated().map { $0.offset - context.rowOffsets[$0.element] }
                return Tensor64([sizes.tokens], (context.positions ?? counted).map(Double.init))
            case .rowOfToken: return Tensor64([sizes.tokens], context.rowOfToken.map(Double.init))
            case .training: return .scalar(context.isTraining ? 1 : 0)
            default: return nil
            }
        default: return nil
        }
    }

    private func apply(_ node: Node, _ x: [Tensor64]) throws(ProgramError) -> [Tensor64] {
        let integers = node.attributes.integers
        let scalars = node.attributes.scalars
        if node.op.isUnary { return [x[0].map(Elementary.unary(node.op))] }
        if node.op.isBinary { return [binary(node.op, x[0], x[1])] }
        switch node.op {
        case .select: return [select(x[0], x[1], x[2])]
        case .cast: return [node.type.dtype == .i32 ? x[0].map { $0.rounded(.towardZero) } : x[0]]
        case .unaryGradient: return [unaryGradient(integers[0], x[0], x[1])]
        case .stopGradient: return [x[0]]
        case .matmul: return [matmul(x[0], x[1], transposeA: integers[0] != 0, transposeB: integers[1] != 0)]
        case .contract: return [contract(x[0], x[1])]
        case .sum, .mean, .max: return [reduce(node.op, x[0], integers, shape: sizes.shape(node.type))]
        case .maxGradient: return [maxGradient(x[0], x[1], integers)]
        case .softmax: return [softmax(x[0])]
        case .softmaxGradient: return [softmaxGradient(x[0], x[1])]
        case .layerNorm: return layerNorm(x[0], x[1], x[2], epsilon: scalars[0])
        case .rmsNorm: return rmsNorm(x[0], x[1], epsilon: scalars[0])
        case .layerNormGradient: return layerNormGradient(x[0], weight: x[1], mean: x[2], rstd: x[3], dy: x[4])
        case .rmsNormGradient: return rmsNormGradient(x[0], weight: x[1], rstd: x[2], dy: x[3])
        case .crossEntropy: return [try crossEntropy(x[0], labels: x[1])]
        case .crossEntropyGradient: return [try crossEntropyGradient(x[0], labels: x[1], dloss: x[2])]
        case .rope: return [rope(x[0], cos: x[1], sin: x[2], inverse: integers[0] != 0)]
        case .attention: return attention(x, integers, scale: scalars[0])
        case .attentionGradient:
            return attentionGradient(Array(x.dropLast(3)), dout: x[x.count - 1], integers, scale: scalars[0])
        case .reshape: return [Tensor64(sizes.shape(node.type), x[0].values)]
        case .broadcast: return [x[0].broadcast(to: sizes.shape(node.type))]
        case .transpose: return [x[0].transposed(integers)]
        case .slice: return [slice(x[0], axis: integers[0], integers[1]..<integers[2])]
        case .concat: return [concat(x, axis: integers[0], shape: sizes.shape(node.type))]
        case .gather: return [try gather(x[0], x[1])]
        case .scatterAdd: return [try scatterAdd(x[0], x[1], shape: sizes.shape(node.type))]
        case .rowGather: return [rowGather(x[0])]
        case .rowSum, .rowMean: return [rowReduce(x[0], mean: node.op == .rowMean)]
        case .dropout, .bernoulli, .normal, .uniform, .rowBernoulli: return [try random(node, x.first)]
        case .cumsum: return [cumsum(x[0], axis: integers[0])]
        case .sort: return sort(x[0])
        case .topK: return topK(x[0], integers[0])
        case .kthValue: return [kthValue(x[0], x[1])]
        case .solve: return [try solve(x[0], x[1])]
        case .inverse: return [try inverse(x[0])]
        case .qr: return qr(x[0])
        case .svd: return svd(x[0])
        case .call: return try context.call(node, x)
        default: throw ProgramError("\(node.op.name) cannot be evaluated: it belongs to a site")
        }
    }

    /// The law of each random operator, applied to the numbers of its stream.
    private func random(_ node: Node, _ x: Tensor64?) throws(ProgramError) -> Tensor64 {
        let shape = sizes.shape(node.type)
        let scalars = node.attributes.scalars
        var result = x ?? Tensor64(shape, filledWith: 0)
        guard node.op != .dropout || context.isTraining else { return result }
        for index in result.values.indices {
            let draw = try context.random(node, index)
            switch node.op {
            case .dropout: result.values[index] *= draw < scalars[0] ? 0 : 1 / (1 - scalars[0])
            case .normal: result.values[index] = scalars[0] + scalars[1] * draw
            case .uniform: result.values[index] = scalars[0] + (scalars[1] - scalars[0]) * draw
            default: result.values[index] = draw < scalars[0] ? 1 : 0
            }
        }
        return result
    }
}
