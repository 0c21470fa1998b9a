extension ShapeRule {
    /// The operators that differentiation makes: an operator's operands and results, and the gradient that came in.
    func gradient() throws(ProgramError) -> [TensorType] {
        switch op {
        case .unaryGradient:
            // x, dy → dx; integers: the number of the operator
            let x = try float(0, of: 2)
            let number = UInt16(exactly: attributes.integers[0]).flatMap(Operator.init(rawValue:))
            try expect(number?.isUnary ?? false, "no unary operator has the number \(attributes.integers[0])")
            return [try same([1], as: x)]
        case .softmaxGradient:
            // y, dy → dx
            let y = try float(0, of: 2)
            try expect(y.rank > 0, "a scalar has no last axis")
            return [try same([1], as: y)]
        case .maxGradient:
            // x, dy of the shape of the result; integers as of max → dx: all of dy to the first of equal elements
            let x = try float(0, of: 2)
            _ = try same([1], as: try reduction())
            return [x]
        case .layerNormGradient:
            // x, weight, mean, rstd, dy → dx, dweight, dbias
            let x = try float(0, of: 5)
            try norm(x, statistics: [2, 3], dy: 4)
            return [x, inputs[1], inputs[1]]
        case .rmsNormGradient:
            // x, weight, rstd, dy → dx, dweight
            let x = try float(0, of: 4)
            try norm(x, statistics: [2], dy: 3)
            return [x, inputs[1]]
        case .crossEntropyGradient:
            // logits, labels, dloss → dlogits
            let logits = try float(0, of: 3)
            try expect(logits.rank == 2 && inputs[1] == TensorType([logits.shape[0]], .i32), "takes (M,C) and i32 (M)")
            _ = try same([2], as: TensorType([logits.shape[0]]))
            return [logits]
        case .attentionGradient:
            // q, k, v [, more k, more v], out, lse, dout → dq, dk, dv [, dmore k, dmore v]
            try expect(inputs.count == 6 || inputs.count == 8, "takes 6 or 8 operands")
            let operands = Array(inputs.dropLast(3))
            let forward = ShapeRule(op: op, inputs: operands, attributes: attributes)
            let results = try forward.attention()
            _ = try same([operands.count, operands.count + 2], as: results[0])
            _ = try same([operands.count + 1], as: results[1])
            return operands
        case .contract:
            // a (…, I), b (…, O) → (I, O), summed over the axes in front
            try operands(2)
            try floats()
            try expect(
                inputs[0].rank > 0 && inputs[1].rank > 0 && inputs[0].shape.dropLast() == inputs[1].shape.dropLast(),
                "the axes in front differ")
            return [TensorType([inputs[0].shape[inputs[0].rank - 1], inputs[1].shape[inputs[1].rank - 1]])]
        default:
            throw error("has no rule")
        }
    }

    /// `type`, where the operands at `indices` are all of that type.
    private func same(_ indices: [Int], as type: TensorType) throws(ProgramError) -> TensorType {
        for index in indices { try expect(inputs[index] == type, "operand \(index) must be \(type.name)") }
        return type
    }

    /// x (…, H) with weight (H), statistics (…) and dy like x.
    private func norm(_ x: TensorType, statistics: [Int], dy: Int) throws(ProgramError) {
        try expect(x.rank > 0, "a scalar has no last axis")
        _ = try same([1], as: TensorType([x.shape[x.rank - 1]]))
        _ = try same(statistics, as: TensorType(Array(x.shape.dropLast())))
        _ = try same([dy], as: x)
    }
}
