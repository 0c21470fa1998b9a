import Kernels
import Programs

extension Lowering {
    mutating func lowerAttention(_ index: Int, _ node: Node) throws(EngineError) {
        let isGradient = node.op == .attentionGradient
        let operands = isGradient ? Array(node.inputs.dropLast(3)) : node.inputs
        let shape = try attentionShape(node, operands)
        let isSet = node.attributes.integers[0] == 1
        let q = try floats(operands[0])
        let (k, v) =
            isSet || cache == nil
            ? (try floats(operands[1]), try floats(operands[2])) : try lowerKept(operands[1], operands[2])
        let more = operands.count == 5 ? (try floats(operands[3]), try floats(operands[4])) : nil
        let prefix = isSet ? (k, v) : more
        var probe = shape(RunContext(sizes: Sizes(tokens: 0, rows: 0, targets: 0)))
        guard ph_attention_scratch(&probe) * 4 <= WorkerPool.scratchBytes else {
            throw EngineError("attention over heads of \(probe.head_size) elements is larger than a thread's memory")
        }

        guard isGradient else {
            let (out, sums) = (try floats(Value(index)), try floats(Value(index, 1)))
            emit(
                "attention",
                tiles: { context in
                    var attention = shape(context)
                    return Int(ph_attention_forward_tiles(&attention))
                },
                run: { context, tile, scratch in
                    var attention = shape(context)
                    ph_attention_forward_tile(
                        &attention, q, k, v, prefix?.0 ?? k, prefix?.1 ?? v, out, sums, tile,
                        scratch.assumingMemoryBound(to: Float.self))
                })
            return
        }
        let count = node.inputs.count
        let out = try floats(node.inputs[count - 3])
        let sums = try floats(node.inputs[count - 2]), dout = try floats(node.inputs[count - 1])
        var wanted: [UnsafeMutablePointer<Float>?] = []
        for result in operands.indices {
            wanted.append(isUsed(Value(index, result)) ? try floats(Value(index, result)) : nil)
        }
        let gradients = ph_attention_gradients(
            dq: wanted[0], dk: isSet ? nil : wanted[1], dv: isSet ? nil : wanted[2],
            dprefix_k: isSet ? wanted[1] : wanted.count == 5 ? wanted[3] : nil,
            dprefix_v: isSet ? wanted[2] : wanted.count == 5 ? wanted[4] : nil, accumulate: false)
        func outputs(_ context: RunContext) -> ph_attention_gradients {
            var all = gradients
            if context.sharedTokens > 0, prefix == nil { (all.dprefix_k, all.dprefix_v) = (all.dk, all.dv) }
            return all
        }
        emit(
            "attentionGradient",
            tiles: { context in
                var attention = shape(context)
                var gradients = outputs(context)
                return Int(ph_attention_backward_tiles(&attention, &gradients))
            },
            run: { context, tile, scratch in
                var attention = shape(context)
                var gradients = outputs(context)
                ph_attention_backward_tile(
                    &attention, q, k, v, prefix?.0 ?? k, prefix?.1 ?? v, out, sums, dout, &gradients, tile,
                    scratch.assumingMemoryBound(to: Float.self))
            })
    }

    /// Adds keys and values (N, key heads, head size) to what the cache holds. Returns all of them: (rows, capacity, …).
    private mutating func lowerKept(
        _ keys: Value, _ values: Value
    ) throws(EngineError) -> (UnsafeMutablePointer<Float>, UnsafeMutablePointer<Float>) {
        guard let cache, let inputs else { throw EngineError("there is nothing that keeps keys and values") }
        let width = Extent(type(keys).shape.dropFirst()).factor
        let (k, v) = (try floats(keys), try floats(values))
        let (allKeys, allValues) = (cache.place(width: width), cache.place(width: width))
        let rowOf = inputs[.rowOfToken].ints
        emit("keep", over: Extent([.tokens]), grain: 16) { _, range in
            for token in range {
                let place = token + Int(cache.shift.ints[Int(rowOf[token])])
                (allKeys.floats + place * width).update(from: k + token * width, count: width)
                (allValues.floats + place * width).update(from: v + token * width, count: width)
            }
        }
        return (allKeys.floats, allValues.floats)
    }

    private mutating func attentionShape(
        _ node: Node, _ operands: [Value]
    ) throws(EngineError) -> (RunContext) -> ph_attention {
        let (q, k) = (type(operands[0]).shape, type(operands[1]).shape)
        let isSet = node.attributes.integers[0] == 1
        let set = isSet ? k : operands.count == 5 ? type(operands[3]).shape : []
        let rows: Extent
        let rowStart: UnsafeMutablePointer<Int32>
        if q[0] == .tokens {
            guard let inputs else { throw EngineError("attention needs the rows of a batch") }
            (rows, rowStart) = (Extent([.rows]), inputs.rowStart.ints)
        } else {
            // Queries that are no tokens: each is a row by itself, and the set is shared.
            let starts = Buffer((0...Int32(capacity.count(TensorType([q[0]])))).map { $0 })
            keep(starts)
            (rows, rowStart) = (Extent(q.prefix(1)), starts.ints)
        }
        let attention = ph_attention(
            rows: 0, heads: Int32(clamping: q[1].code), key_heads: Int32(clamping: k[k.count - 2].code),
            head_size: Int32(clamping: q[2].code),
            window: Int32(clamping: node.attributes.integers[1]),
            prefix: set.isEmpty ? 0 : Int32(clamping: set[set.count - 3].code), prefix_per_row: set.count == 4,
            prefix_is_row: false, prefix_only: isSet, scale: Float(node.attributes.scalars[0]),
            row_start: UnsafePointer(rowStart),
            key_start: isSet ? nil : cache.map { UnsafePointer($0.keyStart.ints) },
            key_end: isSet ? nil : cache.map { UnsafePointer($0.keyEnd.ints) })
        return { context in
            var attention = attention
            attention.rows = Int32(rows.count(context.sizes))
            if set.isEmpty, context.sharedTokens > 0 {
                attention.prefix = Int32(context.sharedTokens)
                attention.prefix_is_row = true
            }
            return attention
        }
    }
}
