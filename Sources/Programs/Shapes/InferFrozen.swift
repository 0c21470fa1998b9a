extension ShapeRule {
    /// What the frozen model gives to a method beyond `base`.
    func frozen() throws(ProgramError) -> TensorType {
        switch op {
        case .project: return try projection()
        case .attend: return try attend()
        case .tableRows:
            // ids i32 S → S + (hidden)
            try operands(1)
            try expect(inputs[0].dtype == .i32 && attributes.integers[0] >= 0, "takes i32 ids")
            return TensorType(inputs[0].shape + [Dim(attributes.integers[0])])
        default: return try textCache()
        }
    }

    /// v (…, in) → (…, out); integers: which projection, out.
    private func projection() throws(ProgramError) -> TensorType {
        let x = try float(0, of: 1)
        try expect(x.rank > 0 && !x.shape[x.rank - 1].isSymbolic, "takes (…, in)")
        try expect(Projection(rawValue: attributes.integers[0]) != nil, "no projection \(attributes.integers[0])")
        try expect(attributes.integers[1] >= 0, "\(attributes.integers[1]) outputs")
        return TensorType(x.shape.dropLast() + [Dim(attributes.integers[1])])
    }

    /// As ``attention()``, window and scale being the frozen layer's; integers: mode. One result.
    private func attend() throws(ProgramError) -> TensorType {
        let attributes = Attributes(integers: [attributes.integers[0], 0], scalars: [1])
        return try ShapeRule(op: .attention, inputs: inputs, attributes: attributes).attention()[0]
    }

    /// ids (count) i32 → (count, key heads, head size); integers: the layer, 0 for keys or 1 for values, the two sizes.
    private func textCache() throws(ProgramError) -> TensorType {
        try operands(1)
        let integers = attributes.integers
        try expect(inputs[0].dtype == .i32 && inputs[0].rank == 1 && inputs[0].symbol == nil, "takes i32 ids (count)")
        _ = try flag(1)
        try expect(integers.allSatisfy { $0 >= 0 }, "a negative number")
        return TensorType([inputs[0].shape[0], Dim(integers[2]), Dim(integers[3])])
    }
}
