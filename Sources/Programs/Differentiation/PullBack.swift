extension GraphBuilder {
    /// The vector-Jacobian products of one node.
    ///
    /// - Parameters:
    ///   - node: the node, and `y` its first result.
    ///   - incoming: the loss's gradient by each result; nil is zero.
    ///   - wants: for which operands a gradient is asked; others may stay nil.
    func pullBack(_ node: Node, _ y: Value, _ incoming: [Value?], wants: [Bool]) -> [Value?] {
        if node.op == .call { return callPullBack(node, incoming) }
        guard let dy = incoming[0] else { return node.inputs.map { _ in nil } }
        if node.op.isUnary { return [unaryPullBack(node.op, node.inputs[0], y, dy)] }
        if node.op.isBinary || node.op == .select { return elementwisePullBack(node, y, dy, wants: wants) }
        let x = node.inputs.first ?? .none
        switch node.op {
        case .matmul: return matmulPullBack(node, dy, wants: wants)
        case .sum: return [spread(dy, over: x, node.attributes.integers)]
        case .mean:
            let count = reducedCount(type(x), node.attributes.integers)
            guard let count else {
                fail("mean over tokens has no gradient here: divide a sum by the count instead")
                return [nil]
            }
            return [spread(mul(dy, constant(1 / Double(count))), over: x, node.attributes.integers)]
        case .max: return [append(.maxGradient, [x, dy], node.attributes)]
        case .softmax: return [append(.softmaxGradient, [y, dy])]
        case .rmsNorm:
            let gradient = append(.rmsNormGradient, [x, node.inputs[1], Value(y.node, 1), dy])
            return [gradient, Value(gradient.node, 1)]
        case .layerNorm:
            let gradient = append(
                .layerNormGradient, [x, node.inputs[1], Value(y.node, 1), Value(y.node, 2), dy])
            return [gradient, Value(gradient.node, 1), Value(gradient.node, 2)]
        case .crossEntropy: return [append(.crossEntropyGradient, [x, node.inputs[1], dy]), nil]
        case .rope:
            guard !wants[1], !wants[2] else {
                fail("rope has no gradient by its angles")
                return [nil, nil, nil]
            }
            let inverse = node.attributes.integers[0] != 0
            return [rope(dy, cos: node.inputs[1], sin: node.inputs[2], inverse: !inverse), nil, nil]
        case .attention:
            let gradient = append(.attentionGradient, node.inputs + [y, Value(y.node, 1), dy], node.attributes)
            return node.inputs.indices.map { gradient == .none ? nil : Value(gradient.node, $0) }
        case .dropout: return [append(.dropout, [dy], node.attributes)]
        case .cast: return [type(x).dtype == .f32 ? dy : nil]
        case .rowGather: return [append(.rowSum, [dy])]
        case .rowSum: return [rowGather(dy)]
        case .rowMean:
            let count = append(.rowSum, [broadcast(constant(1), [.tokens])])
            let each = reshape(count, [.rows] + type(dy).shape.dropFirst().map { _ in 1 })
            return [rowGather(div(dy, each))]
        case .gather:
            return [scatterAdd(node.inputs[1], dy, size: type(x).shape[0]), nil]
        case .scatterAdd: return [nil, gather(dy, node.inputs[0])]
        case .reshape: return [reshape(dy, type(x).shape)]
        case .transpose:
            let order = node.attributes.integers
            return [transpose(dy, order.indices.sorted { order[$0] < order[$1] })]
        case .slice: return [slicePullBack(node, dy)]
        case .concat:
            var start = 0
            let axis = node.attributes.integers[0]
            return zip(node.inputs, wants).map { input, wanted in
                let size = type(input).shape[axis].fixed ?? 0
                defer { start += size }
                return wanted ? slice(dy, axis: axis, start..<(start + size)) : nil
            }
        case .broadcast: return [unbroadcast(dy, to: type(x).shape)]
        case .solve:
            // A X = B: dB = A⁻ᵀ dX, dA = −dB Xᵀ
            let a = node.inputs[0]
            let axes = Array(type(a).shape.indices)
            let transposed = transpose(a, axes.dropLast(2) + [axes.count - 1, axes.count - 2])
            let db = append(.solve, [transposed, dy])
            return [wants[0] ? unary(.neg, matmul(db, y, transposeB: true)) : nil, db]
        case .inverse:
            // dA = −Yᵀ dY Yᵀ
            return [unary(.neg, matmul(matmul(y, dy, transposeA: true), y, transposeB: true))]
        case .base, .project, .attend, .tableRows:
            fail("\(node.op.name) is differentiated only where it stands at a site")
            return [nil]
        case .stopGradient: return [nil]
        default:
            fail("\(node.op.name) has no gradient")
            return node.inputs.map { _ in nil }
        }
    }

    private func unaryPullBack(_ op: Operator, _ x: Value, _ y: Value, _ dy: Value) -> Value {
        switch op {
        case .neg: unary(.neg, dy)
        case .exp: mul(dy, y)
        case .log: div(dy, x)
        case .sqrt: div(mul(dy, constant(0.5)), y)
        case .sin: mul(dy, unary(.cos, x))
        case .cos: unary(.neg, mul(dy, unary(.sin, x)))
        case .tanh: mul(dy, sub(constant(1), mul(y, y)))
        case .sigmoid: mul(dy, mul(y, sub(constant(1), y)))
        case .floor: fail("floor has no gradient")
        default: append(.unaryGradient, [x, dy], Attributes(integers: [Int(op.rawValue)]))
        }
    }

    private func elementwisePullBack(_ node: Node, _ y: Value, _ dy: Value, wants: [Bool]) -> [Value?] {
        let (a, b) = (node.inputs[0], node.inputs[1])
        /// The gradient of operand `index`, made only where it is wanted.
        func gradient(_ index: Int, _ make: () -> Value) -> Value? {
            wants[index] ? unbroadcast(make(), to: type(node.inputs[index]).shape) : nil
        }
        switch node.op {
        case .add: return [gradient(0) { dy }, gradient(1) { dy }]
        case .sub: return [gradient(0) { dy }, gradient(1) { unary(.neg, dy) }]
        case .mul: return [gradient(0) { mul(dy, b) }, gradient(1) { mul(dy, a) }]
        case .div: return [gradient(0) { div(dy, b) }, gradient(1) { unary(.neg, div(mul(dy, y), b)) }]
        case .pow:
            return [
                gradient(0) { mul(dy, mul(b, append(.pow, [a, sub(b, constant(1))]))) },
                gradient(1) { mul(dy, mul(y, unary(.log, a))) },
            ]
        case .maximum, .minimum:
            // At a tie the first operand has it all.
            let first = node.op == .maximum ? append(.lessEqual, [b, a]) : append(.lessEqual, [a, b])
            return [gradient(0) { mul(dy, first) }, gradient(1) { mul(dy, sub(constant(1), first)) }]
        case .select:
            let zero = constant(0)
            return [
                nil, gradient(1) { select(a, dy, zero) }, gradient(2) { select(a, zero, dy) },
            ]
        case .equal, .less, .lessEqual: return [nil, nil]
        default:
            fail("\(node.op.name) has no gradient")
            return [nil, nil]
        }
    }

    /// y = op(a)·op(b), see the table of the four cases: with a not transposed dA = dY·op(b)ᵀ, else op(b)·dYᵀ.
    private func matmulPullBack(_ node: Node, _ dy: Value, wants: [Bool]) -> [Value?] {
        let (a, b) = (node.inputs[0], node.inputs[1])
        let (ta, tb) = (node.attributes.integers[0] != 0, node.attributes.integers[1] != 0)
        var result: [Value?] = [nil, nil]
        if wants[0] {
            let da = ta ? matmul(b, dy, transposeA: tb, transposeB: true) : matmul(dy, b, transposeB: !tb)
            result[0] = unbroadcast(da, to: type(a).shape)
        }
        if wants[1] {
            if type(b).rank == 2, !ta {
                // One matrix for all axes in front: summed at once, without one product for each of them.
                result[1] = tb ? append(.contract, [dy, a]) : append(.contract, [a, dy])
            } else {
                let db = tb ? matmul(dy, a, transposeA: true, transposeB: ta) : matmul(a, dy, transposeA: !ta)
                result[1] = unbroadcast(db, to: type(b).shape)
            }
        }
        return result
    }

    private func slicePullBack(_ node: Node, _ dy: Value) -> Value {
        let x = type(node.inputs[0])
        let (axis, start, end) = (node.attributes.integers[0], node.attributes.integers[1], node.attributes.integers[2])
        func zeros(_ count: Int) -> Value {
            var shape = x.shape
            shape[axis] = Dim(count)
            return broadcast(constant(0), shape)
        }
        let size = x.shape[axis].fixed ?? 0
        let parts = [start > 0 ? zeros(start) : nil, dy, end < size ? zeros(size - end) : nil].compactMap { $0 }
        return parts.count == 1 ? dy : concat(parts, axis: axis)
    }

    /// `dy` summed over the axes along which `shape` was stretched.
    func unbroadcast(_ dy: Value, to shape: Shape) -> Value {
        let from = type(dy).shape
        guard from != shape, dy != .none else { return dy }
        let added = from.count - shape.count
        let axes = from.indices.filter { $0 < added || shape[$0 - added] == 1 && from[$0] != 1 }
        return reshape(reduce(.sum, dy, axes: axes), shape)
    }

    /// `dy` of a reduction, stretched back over the reduced axes of `x`.
    private func spread(_ dy: Value, over x: Value, _ integers: [Int]) -> Value {
        let shape = type(x).shape
        let axes = integers.count == 1 ? Array(shape.indices) : Array(integers.dropFirst())
        let kept = shape.enumerated().map { axes.contains($0) ? Dim(1) : $1 }
        return broadcast(reshape(dy, kept), shape)
    }

    private func reducedCount(_ x: TensorType, _ integers: [Int]) -> Int? {
        let axes = integers.count == 1 ? Array(x.shape.indices) : Array(integers.dropFirst())
        return axes.reduce(1) { product, axis in product.flatMap { p in x.shape[axis].fixed.map { p * $0 } } }
    }
}
