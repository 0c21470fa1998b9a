extension ShapeRule {
    /// The rules of everything but leaves and element-wise operators.
    func special() throws(ProgramError) -> [TensorType] {
        switch op {
        case .cast: return [try cast()]
        case .matmul: return [try matmul()]
        case .sum, .mean, .max:
            try operands(1)
            return [try reduction()]
        case .softmax:
            let x = try float(0, of: 1)
            try expect(x.rank > 0, "a scalar has no last axis")
            return [x]
        case .layerNorm, .rmsNorm: return try norm()
        case .crossEntropy: return [try crossEntropy()]
        case .rope: return [try rope()]
        case .attention: return try attention()
        case .reshape, .transpose, .slice, .concat, .broadcast: return [try structure()]
        case .gather, .scatterAdd, .rowGather, .rowMean, .rowSum: return [try indexed()]
        case .dropout, .bernoulli, .normal, .uniform, .rowBernoulli: return [try random()]
        case .stopGradient: return [try float(0, of: 1)]
        case .cumsum, .sort, .topK, .kthValue: return try ordered()
        case .solve, .inverse, .qr, .svd: return try linearAlgebra()
        case .base:
            let x = try float(0, of: 1)
            try expect(x.rank > 0 && !x.shape[x.rank - 1].isSymbolic, "takes (…, in)")
            try expect(attributes.integers[0] >= 0, "\(attributes.integers[0]) outputs")
            return [TensorType(x.shape.dropLast() + [Dim(attributes.integers[0])])]
        case .project, .attend, .tableRows, .textCache: return [try frozen()]
        case .call: return try KernelCall(attributes, operands: inputs).results
        default: return try gradient()
        }
    }

    private func cast() throws(ProgramError) -> TensorType {
        try operands(1)
        guard let dtype = UInt8(exactly: attributes.integers[0]).flatMap(DType.init(rawValue:)) else {
            throw error("no element type has the number \(attributes.integers[0])")
        }
        return TensorType(inputs[0].shape, dtype)
    }

    /// a (…, M, K) or its transpose, b (…, K, O) or its transpose → (…, M, O); integers: transpose a, transpose b.
    private func matmul() throws(ProgramError) -> TensorType {
        try operands(2)
        try floats()
        var (a, b) = (inputs[0].shape, inputs[1].shape)
        try expect(a.count >= 2 && b.count >= 2, "operands need two axes or more")
        if try flag(0) { a.swapAt(a.count - 1, a.count - 2) }
        if try flag(1) { b.swapAt(b.count - 1, b.count - 2) }
        try expect(
            a[a.count - 1] == b[b.count - 2],
            "the inner sizes differ: \(a[a.count - 1].name) and \(b[b.count - 2].name)")
        let batch = try broadcast(Array(a.dropLast(2)), Array(b.dropLast(2)))
        return TensorType(batch + [a[a.count - 2], b[b.count - 1]])
    }

    /// integers: 1 to keep the axes as 1, then the axes, ascending. No axes: all of them.
    func reduction() throws(ProgramError) -> TensorType {
        try floats()
        guard let x = inputs.first, !attributes.integers.isEmpty else {
            throw error("its operand or its axes are missing")
        }
        let keep = try flag(0)
        let axes = Array(attributes.integers.dropFirst())
        for axis in axes { _ = try self.axis(axis, of: x) }
        try expect(zip(axes, axes.dropFirst()).allSatisfy { $0 < $1 }, "axes must ascend")
        let shape = x.shape.enumerated().compactMap { index, dim in
            axes.isEmpty || axes.contains(index) ? (keep ? Dim(1) : nil) : dim
        }
        return TensorType(shape)
    }

    /// x (…, H), weight (H), for layerNorm also bias (H); scalars: epsilon. Results: y, for layerNorm the mean (…), and the
    /// reciprocal of the deviation (…).
    private func norm() throws(ProgramError) -> [TensorType] {
        let x = try float(0, of: op == .layerNorm ? 3 : 2)
        try floats()
        try scalar(0, in: 0...1, "epsilon")
        try expect(x.rank > 0, "a scalar has no last axis")
        for weight in inputs.dropFirst() {
            try expect(weight.shape == [x.shape[x.rank - 1]], "weights must have the shape of the last axis")
        }
        let statistics = TensorType(Array(x.shape.dropLast()))
        return [x] + Array(repeating: statistics, count: op == .layerNorm ? 2 : 1)
    }

    /// logits (M, C), labels (M) i32; a label of -1 counts nothing → (M).
    private func crossEntropy() throws(ProgramError) -> TensorType {
        let logits = try float(0, of: 2)
        try expect(logits.rank == 2 && inputs[1] == TensorType([logits.shape[0]], .i32), "takes (M,C) and i32 (M)")
        return TensorType([logits.shape[0]])
    }

    /// x (N, h, d), cos and sin (N, d/2); integers: 1 to turn back. Component i turns with component i + d/2, the order of
    /// Hugging Face: y[i] = x[i]·cos − x[i + d/2]·sin, y[i + d/2] = x[i + d/2]·cos + x[i]·sin.
    private func rope() throws(ProgramError) -> TensorType {
        let x = try float(0, of: 3)
        _ = try flag(0)
        try expect(x.rank == 3 && (x.shape[2].fixed ?? 1) % 2 == 0, "takes (N, heads, even size)")
        let table = TensorType([x.shape[0], Dim((x.shape[2].fixed ?? 0) / 2)])
        try expect(inputs[1] == table && inputs[2] == table, "cos and sin must be \(table.name)")
        return x
    }

    /// q (N, h, d), k and v (N, g, d) [, more keys and values (P, g, d) or (R, P, g, d)]; integers: mode, window
    /// (0: none); scalars: scale. Results: (N, h, d) and the log of each softmax's sum (N, h).
    ///
    /// Mode 0: every token sees the more keys, which stand in front of its row, and the tokens of the row up to itself: the
    /// last `window` of all these, itself counted. Mode 1: k and v are a set, (K, g, d) shared by all or (R, K, g, d) a
    /// row's own, and every token sees all of it; over an empty set the result is 0. Query head h reads key head
    /// h / (heads / key heads).
    func attention() throws(ProgramError) -> [TensorType] {
        try expect(inputs.count == 3 || inputs.count == 5, "takes 3 or 5 operands, not \(inputs.count)")
        try floats()
        let (q, k, v) = (inputs[0], inputs[1], inputs[2])
        try expect(q.rank == 3 && k.shape == v.shape, "takes q (N,h,d), k and v of one shape")
        func isSet(_ shape: Shape) -> Bool {
            shape.count == 3 && !shape[0].isSymbolic || shape.count == 4 && shape[0] == .rows
        }
        let overSet = try flag(0)
        if overSet {
            try expect(isSet(k.shape) && inputs.count == 3, "keys must be (K,g,d) or (R,K,g,d)")
            try expect(k.rank == 3 || q.symbol == .tokens, "a row's own keys are for tokens")
        } else {
            try expect(q.symbol == .tokens && k.rank == 3 && k.symbol == .tokens, "keys must be the tokens' own")
        }
        let window = attributes.integers[1]
        try expect(overSet ? window == 0 : window >= 0, "a window of \(window)")
        try expect(attributes.scalars[0].isFinite, "a scale of \(attributes.scalars[0])")
        let heads = (q: q.shape[1].fixed ?? 0, k: k.shape[k.rank - 2].fixed ?? 0)
        try expect(
            k.shape[k.rank - 1] == q.shape[2] && heads.k > 0 && heads.q % heads.k == 0,
            "\(heads.q) query heads over \(heads.k) key heads")
        if inputs.count == 5 {
            try expect(
                isSet(inputs[3].shape) && inputs[3].shape == inputs[4].shape
                    && inputs[3].shape.suffix(2) == k.shape.suffix(2),
                "more keys must be (P,g,d) or (R,P,g,d)")
        }
        return [q, TensorType([q.shape[0], q.shape[1]])]
    }

    private func structure() throws(ProgramError) -> TensorType {
        let integers = attributes.integers
        switch op {
        case .reshape:
            try operands(1)
            let x = inputs[0]
            let result = TensorType(integers.map { Dim($0) }, x.dtype)
            try check(result)
            try expect(
                result.symbol == x.symbol && result.fixedCount == x.fixedCount,
                "has not as many elements as \(result.name)")
            return result
        case .transpose:
            try operands(1)
            try expect(integers.sorted() == Array(inputs[0].shape.indices), "\(integers) is not an order of the axes")
            return TensorType(integers.map { inputs[0].shape[$0] }, inputs[0].dtype)
        case .slice:
            try operands(1)
            let axis = try self.axis(integers[0], of: inputs[0])
            guard let size = inputs[0].shape[axis].fixed, 0 <= integers[1], integers[1] <= integers[2],
                integers[2] <= size
            else { throw error("\(integers[1])..<\(integers[2]) is not inside axis \(axis)") }
            var result = inputs[0]
            result.shape[axis] = Dim(integers[2] - integers[1])
            return result
        case .concat:
            guard let first = inputs.first else { throw error("needs operands") }
            let axis = try self.axis(integers[0], of: first)
            var size = 0
            for input in inputs {
                var other = input
                try expect(input.rank == first.rank && input.dtype == first.dtype, "operands of different kinds")
                guard let part = input.shape[axis].fixed else { throw error("cannot join along a symbol") }
                size += part
                try expect(size <= Self.maximumCount, "the result is too large")
                other.shape[axis] = first.shape[axis]
                try expect(other == first, "the other axes differ")
            }
            var result = first
            result.shape[axis] = Dim(size)
            return result
        default:
            try operands(1)
            let target = integers.map { Dim($0) }
            try check(TensorType(target))
            try expect(try broadcast(inputs[0].shape, target) == target, "does not stretch to \(target.map(\.name))")
            return TensorType(target, inputs[0].dtype)
        }
    }

    private func indexed() throws(ProgramError) -> TensorType {
        switch op {
        case .gather:
            // table (A, …), indices i32 of any shape S → S + (…)
            try operands(2)
            try expect(inputs[0].rank > 0 && inputs[1].dtype == .i32, "takes a table and i32 indices")
            return TensorType(inputs[1].shape + inputs[0].shape.dropFirst(), inputs[0].dtype)
        case .scatterAdd:
            // indices i32 S, updates S + (…) → (A, …), A in the integers
            try operands(2)
            let (indices, updates) = (inputs[0], inputs[1])
            try expect(
                indices.dtype == .i32 && updates.dtype == .f32 && updates.shape.starts(with: indices.shape),
                "takes i32 indices and updates of their shape and more")
            try expect(attributes.integers[0] >= Dim.targets.code, "no such axis")
            return TensorType([Dim(attributes.integers[0])] + updates.shape.dropFirst(indices.rank))
        case .rowGather:
            // (R, …) → (N, …): every token its row's
            let x = try float(0, of: 1)
            try expect(x.symbol == .rows, "takes one value a row")
            return TensorType([.tokens] + x.shape.dropFirst())
        default:
            // (N, …) → (R, …): over the tokens of each row; 0 for a row without tokens
            let x = try float(0, of: 1)
            try expect(x.symbol == .tokens, "takes one value a token")
            return TensorType([.rows] + x.shape.dropFirst())
        }
    }

    /// integers: the ordinal, for the generators then dtype and axes. scalars: the probability (of an element to be dropped,
    /// of a 1), the mean and the deviation, or the two ends. A draw u is uniform in [0, 1): dropout keeps where u ≥ p,
    /// bernoulli is 1 where u < p.
    private func random() throws(ProgramError) -> TensorType {
        guard let ordinal = attributes.integers.first, ordinal >= 0 else { throw error("its ordinal is missing") }
        switch op {
        case .dropout:
            try scalar(0, in: 0...(1.0).nextDown, "probability")
            return try float(0, of: 1)
        case .normal, .uniform:
            try operands(0)
            let (first, second) = (attributes.scalars[0], attributes.scalars[1])
            try expect(
                first.isFinite && second.isFinite && (op == .normal ? 0 : first) <= second,
                "no such law: \(first), \(second)")
            let type = try writtenType(from: 1)
            try expect(type.dtype == .f32 && type.symbol == nil, "makes f32 of a fixed size")
            return type
        case .bernoulli:
            try operands(0)
            try scalar(0, in: 0...1, "probability")
            let type = try writtenType(from: 1)
            try expect(type.dtype == .f32, "makes f32")
            return type
        default:
            try operands(0)
            try scalar(0, in: 0...1, "probability")
            return TensorType([.rows])
        }
    }

    /// Along the last axis, except cumsum. sort ascends and topK descends; of equal elements the one in front comes first.
    private func ordered() throws(ProgramError) -> [TensorType] {
        let x = try float(0, of: op == .kthValue ? 2 : 1)
        try expect(x.rank > 0, "a scalar has no axis")
        switch op {
        case .cumsum:
            _ = try axis(attributes.integers[0], of: x)
            return [x]
        case .sort: return [x, TensorType(x.shape, .i32)]
        case .topK:
            let k = attributes.integers[0]
            guard let size = x.shape[x.rank - 1].fixed, 0 < k, k <= size else { throw error("k = \(k)") }
            let shape: Shape = x.shape.dropLast() + [Dim(k)]
            return [TensorType(shape), TensorType(shape, .i32)]
        default:
            // The k-th smallest of all elements, k known when run, brought into 1...count.
            try expect(x.symbol == nil && x.fixedCount > 0 && inputs[1] == .scalar, "takes a fixed size and a scalar k")
            return [.scalar]
        }
    }

    /// solve: A (…, m, m), B (…, m, n) → A⁻¹B. qr: as of Householder, without signs changed. svd: U, s descending, Vᵀ, the
    /// component of each column of U that is largest in size (the first such) being positive.
    private func linearAlgebra() throws(ProgramError) -> [TensorType] {
        let a = try float(0, of: op == .solve ? 2 : 1)
        try floats()
        try expect(a.rank >= 2 && a.symbol == nil, "takes matrices of a fixed size")
        let (m, n) = (a.shape[a.rank - 2], a.shape[a.rank - 1])
        let batch = Array(a.shape.dropLast(2))
        switch op {
        case .solve:
            let b = inputs[1].shape
            try expect(m == n, "the matrix is not square")
            try expect(
                b.count == a.rank && Array(b.dropLast(2)) == batch && b[b.count - 2] == m, "the sides do not fit")
            return [inputs[1]]
        case .inverse:
            try expect(m == n, "the matrix is not square")
            return [a]
        default:
            try expect(batch.isEmpty, "takes one matrix")
            let k = Dim(Swift.min(m.fixed ?? 0, n.fixed ?? 0))
            return op == .qr
                ? [TensorType([m, k]), TensorType([k, n])]
                : [TensorType([m, k]), TensorType([k]), TensorType([k, n])]
        }
    }
}
