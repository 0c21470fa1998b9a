import CPeftPlugin
import Programs

private func apply(
    _ t: OpaquePointer?, _ name: String, _ inputs: [peft_value], _ operation: (GraphBuilder, [Value]) -> Value
) -> peft_value {
    Trace.at(t)?.apply(name, inputs, operation) ?? failedValue
}

private func unary(_ t: OpaquePointer?, _ name: String, _ x: peft_value, _ op: Operator) -> peft_value {
    apply(t, name, [x]) { $0.append(op, [$1[0]]) }
}

private func binary(_ t: OpaquePointer?, _ name: String, _ a: peft_value, _ b: peft_value, _ op: Operator) -> peft_value
{
    apply(t, name, [a, b]) { $0.append(op, [$1[0], $1[1]]) }
}

/// An operator with its own condition on the kind of graph.
private func apply(
    _ t: OpaquePointer?, _ name: String, _ inputs: [peft_value], only isAllowed: (GraphKind) -> Bool,
    in graphs: String, _ operation: (GraphBuilder, [Value]) -> Value
) -> peft_value {
    guard let trace = Trace.at(t), let graph = trace.graph(for: name) else { return failedValue }
    guard isAllowed(graph.kind) else {
        trace.fail("\(name): only in \(graphs)")
        return failedValue
    }
    return trace.apply(name, inputs, operation)
}

private func random(
    _ t: OpaquePointer?, _ name: String, _ inputs: [peft_value], _ operation: (GraphBuilder, [Value]) -> Value
) -> peft_value {
    apply(
        t, name, inputs, only: \.allowsRandom, in: "forward, prelude, init, update and regularizer graphs", operation)
}

private func tokens(
    _ t: OpaquePointer?, _ name: String, _ inputs: [peft_value] = [], _ operation: (GraphBuilder, [Value]) -> Value
) -> peft_value {
    apply(t, name, inputs, only: \.hasTokens, in: "forward graphs", operation)
}

private func reduce(
    _ t: OpaquePointer?, _ name: String, _ x: peft_value, _ count: Int32, _ axes: UnsafePointer<Int32>?, _ keep: Int32,
    _ operation: (GraphBuilder, Value, [Int], Bool) -> Value
) -> peft_value {
    guard let axes = Trace.at(t)?.list(name, Int64(count), axes, atMost: Int64(PEFT_MAX_RANK)) else {
        return failedValue
    }
    return apply(t, name, [x]) { operation($0, $1[0], axes.map(Int.init), keep != 0) }
}

/// `peft.ops/1`
func operatorsTable() -> peft_ops_1 {
    var table = peft_ops_1()
    table.struct_size = UInt32(MemoryLayout<peft_ops_1>.size)
    addElementwise(to: &table)
    addProducts(to: &table)
    addStructure(to: &table)
    addStepInputs(to: &table)
    addRandom(to: &table)
    addOrderAndAlgebra(to: &table)
    return table
}

private func addElementwise(to table: inout peft_ops_1) {
    table.neg = { unary($0, "neg", $1, .neg) }
    table.exp = { unary($0, "exp", $1, .exp) }
    table.log = { unary($0, "log", $1, .log) }
    table.sqrt = { unary($0, "sqrt", $1, .sqrt) }
    table.abs = { unary($0, "abs", $1, .abs) }
    table.sin = { unary($0, "sin", $1, .sin) }
    table.cos = { unary($0, "cos", $1, .cos) }
    table.tanh = { unary($0, "tanh", $1, .tanh) }
    table.sigmoid = { unary($0, "sigmoid", $1, .sigmoid) }
    table.silu = { unary($0, "silu", $1, .silu) }
    table.gelu = { unary($0, "gelu", $1, .gelu) }
    table.gelu_tanh = { unary($0, "gelu_tanh", $1, .geluTanh) }
    table.relu = { unary($0, "relu", $1, .relu) }
    table.erf = { unary($0, "erf", $1, .erf) }
    table.floor = { unary($0, "floor", $1, .floor) }
    table.stop_gradient = { unary($0, "stop_gradient", $1, .stopGradient) }
    table.add = { binary($0, "add", $1, $2, .add) }
    table.sub = { binary($0, "sub", $1, $2, .sub) }
    table.mul = { binary($0, "mul", $1, $2, .mul) }
    table.div = { binary($0, "div", $1, $2, .div) }
    table.pow = { binary($0, "pow", $1, $2, .pow) }
    table.maximum = { binary($0, "maximum", $1, $2, .maximum) }
    table.minimum = { binary($0, "minimum", $1, $2, .minimum) }
    table.mod = { binary($0, "mod", $1, $2, .mod) }
    table.equal = { binary($0, "equal", $1, $2, .equal) }
    table.less = { binary($0, "less", $1, $2, .less) }
    table.less_equal = { binary($0, "less_equal", $1, $2, .lessEqual) }
    table.`where` = { t, condition, a, b in
        apply(t, "where", [condition, a, b]) { $0.select($1[0], $1[1], $1[2]) }
    }
    table.cast = { t, x, dtype in
        apply(t, "cast", [x]) { $0.append(.cast, [$1[0]], Attributes(integers: [Int(dtype)])) }
    }
}

private func addProducts(to table: inout peft_ops_1) {
    table.matmul = { t, a, b, transposeA, transposeB in
        apply(t, "matmul", [a, b]) { $0.matmul($1[0], $1[1], transposeA: transposeA != 0, transposeB: transposeB != 0) }
    }
    table.sum = { t, x, count, axes, keep in
        reduce(t, "sum", x, count, axes, keep) { $0.reduce(.sum, $1, axes: $2, keep: $3) }
    }
    table.mean = { t, x, count, axes, keep in
        reduce(t, "mean", x, count, axes, keep) { $0.reduce(.mean, $1, axes: $2, keep: $3) }
    }
    table.max = { t, x, count, axes, keep in
        reduce(t, "max", x, count, axes, keep) { $0.reduce(.max, $1, axes: $2, keep: $3) }
    }
    table.norm = { t, x, count, axes, keep in
        reduce(t, "norm", x, count, axes, keep) { graph, x, axes, keep in
            graph.unary(.sqrt, graph.reduce(.sum, graph.mul(x, x), axes: axes, keep: keep))
        }
    }
    table.softmax = { unary($0, "softmax", $1, .softmax) }
    table.layer_norm = { t, x, weight, bias, epsilon in
        apply(t, "layer_norm", [x, weight, bias]) { $0.layerNorm($1[0], weight: $1[1], bias: $1[2], epsilon: epsilon) }
    }
    table.rms_norm = { t, x, weight, epsilon in
        apply(t, "rms_norm", [x, weight]) { $0.rmsNorm($1[0], weight: $1[1], epsilon: epsilon) }
    }
    table.cross_entropy = { t, logits, labels in
        apply(t, "cross_entropy", [logits, labels]) { $0.crossEntropy($1[0], labels: $1[1]) }
    }
    table.rope = { t, x, cos, sin in
        apply(t, "rope", [x, cos, sin]) { $0.rope($1[0], cos: $1[1], sin: $1[2]) }
    }
    table.attention = { t, q, k, v, window, scale in
        apply(t, "attention", [q, k, v]) { $0.attention($1[0], $1[1], $1[2], window: Int(window), scale: scale) }
    }
    table.attention_set = { t, q, keys, values, scale in
        apply(t, "attention_set", [q, keys, values]) { $0.attention($1[0], overSet: $1[1], $1[2], scale: scale) }
    }
}

private func addStructure(to table: inout peft_ops_1) {
    table.reshape = { t, x, rank, shape in
        guard let shape = Trace.at(t)?.shape("reshape", rank, shape) else { return failedValue }
        return apply(t, "reshape", [x]) { $0.reshape($1[0], shape) }
    }
    table.broadcast = { t, x, rank, shape in
        guard let shape = Trace.at(t)?.shape("broadcast", rank, shape) else { return failedValue }
        return apply(t, "broadcast", [x]) { $0.broadcast($1[0], shape) }
    }
    table.transpose = { t, x, rank, order in
        guard let order = Trace.at(t)?.list("transpose", Int64(rank), order, atMost: Int64(PEFT_MAX_RANK)) else {
            return failedValue
        }
        return apply(t, "transpose", [x]) { $0.transpose($1[0], order.map(Int.init)) }
    }
    table.slice = { t, x, axis, start, end in
        apply(t, "slice", [x]) { $0.append(.slice, [$1[0]], Attributes(integers: [Int(axis), Int(start), Int(end)])) }
    }
    table.concat = { t, count, values, axis in
        guard let values = Trace.at(t)?.list("concat", Int64(count), values, atMost: 4096) else { return failedValue }
        return apply(t, "concat", values) { $0.concat($1, axis: Int(axis)) }
    }
    table.gather = { t, rows, indices in apply(t, "gather", [rows, indices]) { $0.gather($1[0], $1[1]) } }
    table.scatter_add = { t, indices, updates, size in
        guard size >= 0 else {
            Trace.at(t)?.fail("scatter_add: a size of \(size)")
            return failedValue
        }
        return apply(t, "scatter_add", [indices, updates]) { $0.scatterAdd($1[0], $1[1], size: Dim(Int(size))) }
    }
    table.scalar = { t, value in apply(t, "scalar", []) { graph, _ in graph.constant(value) } }
    table.constant = { t, dtype, rank, shape, values in
        guard let trace = Trace.at(t), let shape = trace.shape("constant", rank, shape) else { return failedValue }
        let sizes = shape.map(\.code)
        let count = TensorType(shape).fixedCount
        guard let values = trace.list("constant", Int64(count), values, atMost: 1 << 16) else { return failedValue }
        return apply(t, "constant", []) { graph, _ in
            graph.append(.constant, [], Attributes(integers: [Int(dtype)] + sizes, scalars: values))
        }
    }
    table.iota = { t, count in apply(t, "iota", []) { graph, _ in graph.iota(Int(count)) } }
}

private func addStepInputs(to table: inout peft_ops_1) {
    table.token_ids = { t in tokens(t, "token_ids") { graph, _ in graph.input(.tokenIDs) } }
    table.positions = { t in tokens(t, "positions") { graph, _ in graph.input(.positions) } }
    table.row_of_token = { t in tokens(t, "row_of_token") { graph, _ in graph.input(.rowOfToken) } }
    table.is_prompt = { t in tokens(t, "is_prompt") { graph, _ in graph.input(.isPrompt) } }
    table.training = { t in
        apply(t, "training", [], only: { $0 == .forward || $0 == .prelude }, in: "forward and prelude graphs") {
            graph, _ in
            graph.input(.training)
        }
    }
    table.row_input = { t, name, rank, shape in
        guard let trace = Trace.at(t), let name = trace.text(name, "row_input: the name"),
            let shape = trace.shape("row_input", rank, shape)
        else { return failedValue }
        guard trace.plugin.capabilities.contains(.rowInputs) else {
            trace.fail("row_input: the plugin does not claim PEFT_USES_ROW_INPUTS")
            return failedValue
        }
        return tokens(t, "row_input") { graph, _ in graph.rowInput(name, shape: shape.map(\.code)) }
    }
    table.row_gather = { t, x in tokens(t, "row_gather", [x]) { $0.rowGather($1[0]) } }
    table.row_mean = { t, x in tokens(t, "row_mean", [x]) { $0.rowMean($1[0]) } }
    table.step = { t in
        apply(t, "step", [], only: { $0 == .update }, in: "update graphs") { graph, _ in graph.input(.step) }
    }
    table.total_steps = { t in
        apply(t, "total_steps", [], only: { $0 == .update }, in: "update graphs") { graph, _ in graph.input(.totalSteps)
        }
    }
}

private func addRandom(to table: inout peft_ops_1) {
    table.dropout = { t, x, probability in random(t, "dropout", [x]) { $0.dropout($1[0], probability: probability) } }
    table.row_bernoulli = { t, probability in
        tokens(t, "row_bernoulli") { graph, _ in
            graph.append(.rowBernoulli, [], Attributes(scalars: [probability]))
        }
    }
    table.bernoulli = { t, probability, rank, shape in
        draw(t, "bernoulli", .bernoulli, [probability], rank, shape)
    }
    table.normal = { t, mean, deviation, rank, shape in draw(t, "normal", .normal, [mean, deviation], rank, shape) }
    table.uniform = { t, low, high, rank, shape in draw(t, "uniform", .uniform, [low, high], rank, shape) }
}

private func draw(
    _ t: OpaquePointer?, _ name: String, _ op: Operator, _ law: [Double], _ rank: Int32, _ shape: UnsafePointer<Int64>?
) -> peft_value {
    guard let shape = Trace.at(t)?.shape(name, rank, shape) else { return failedValue }
    return random(t, name, []) { graph, _ in
        graph.append(op, [], Attributes(integers: [Int(DType.f32.rawValue)] + shape.map(\.code), scalars: law))
    }
}

private func addOrderAndAlgebra(to table: inout peft_ops_1) {
    table.cumsum = { t, x, axis in
        apply(t, "cumsum", [x]) { $0.append(.cumsum, [$1[0]], Attributes(integers: [Int(axis)])) }
    }
    table.sort = { t, x, indices in
        let sorted = unary(t, "sort", x, .sort)
        indices?.pointee = Trace.at(t)?.laterResult(1, of: sorted) ?? failedValue
        return sorted
    }
    table.top_k = { t, x, k, indices in
        let largest = apply(t, "top_k", [x]) { $0.append(.topK, [$1[0]], Attributes(integers: [Int(k)])) }
        indices?.pointee = Trace.at(t)?.laterResult(1, of: largest) ?? failedValue
        return largest
    }
    table.kth_value = { t, x, k in apply(t, "kth_value", [x, k]) { $0.append(.kthValue, $1) } }
    table.solve = { t, a, b in apply(t, "solve", [a, b]) { $0.append(.solve, $1) } }
    table.inverse = { t, a in unary(t, "inverse", a, .inverse) }
    table.qr = { t, a, r in
        let q = apply(t, "qr", [a], only: \.allowsDecompositions, in: "init and merge graphs") { $0.append(.qr, $1) }
        r?.pointee = Trace.at(t)?.laterResult(1, of: q) ?? failedValue
        return q
    }
    table.svd = { t, a, s, vt in
        let u = apply(t, "svd", [a], only: \.allowsDecompositions, in: "init and merge graphs") { $0.append(.svd, $1) }
        s?.pointee = Trace.at(t)?.laterResult(1, of: u) ?? failedValue
        vt?.pointee = Trace.at(t)?.laterResult(2, of: u) ?? failedValue
        return u
    }
}
