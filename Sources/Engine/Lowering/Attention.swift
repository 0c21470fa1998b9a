import Kernels
import Programs

extension Lowering {
    mutating func lowerAttention(_ index: Int, _ node: Node) throws(EngineError) {
        let isGradient = node.op == .attentionGradient
        let operands = isGradient ? Array(node.inputs.dropLast(3)) : node.inputs
        let shape = try attentionShape(node, operands)
        let isSet = node.attributes.integers[0] == 1
        let q = try floats(operands[0])
        let k = try floats(operands[1]), v = try floats(operands[2])
        let more = operands.count == 5 ? (try floats(operands[3]), try floats(operands[4])) : nil
        let prefix = isSet ? (k, v) : more
        var probe = shape(RunContext(sizes: Sizes(tokens: 0, rows: 0, targets: 0)))
        precondition(ph_attention_scratch(&probe) * 4 <= WorkerPool.scratchBytes)

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
                        &attention, q, k, v, prefix?.0, prefix?.1, out, sums, tile,
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
        emit(
            "attentionGradient",
            tiles: { context in
                var attention = shape(context)
                var gradients = gradients
                return Int(ph_attention_backward_tiles(&attention, &gradients))
            },
            run: { context, tile, scratch in
                var attention = shape(context)
                var gradients = gradients
                ph_attention_backward_tile(
                    &attention, q, k, v, prefix?.0, prefix?.1, out, sums, dout, &gradients, tile,
                    scratch.assumingMemoryBound(to: Float.self))
            })
    }

    private func attentionShape(
        _ node: Node, _ operands: [Value]
    ) throws(EngineError) -> (RunContext) -> ph_attention {
        guard let inputs else { throw EngineError("attention needs the rows of a batch") }
        let (q, k) = (type(operands[0]).shape, type(operands[1]).shape)
        let isSet = node.attributes.integers[0] == 1
        let set = isSet ? k : operands.count == 5 ? type(operands[3]).shape : []
        let attention = ph_attention(
            rows: 0, heads: Int32(q[1].code), key_heads: Int32(k[k.count - 2].code), head_size: Int32(q[2].code),
            window: Int32(node.attributes.integers[1]),
            prefix: set.isEmpty ? 0 : Int32(set[set.count - 3].code), prefix_per_row: set.count == 4,
            prefix_only: isSet, scale: Float(node.attributes.scalars[0]),
            row_start: UnsafePointer(inputs.rowStart.ints), key_start: nil)
        return { context in
            var attention = attention
            attention.rows = Int32(context.sizes.rows)
            return attention
        }
    }
}
