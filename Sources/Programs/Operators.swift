/// The operators as functions: what a graph is written with. Shapes are in ``inferTypes(_:_:_:)``.
extension GraphBuilder {
    // MARK: Leaves

    private func leaf(_ op: Operator, _ index: Int, _ type: TensorType, text: String = "") -> Value {
        append(op, [], Attributes(integers: [index, Int(type.dtype.rawValue)] + type.shape.map(\.code), text: text))
    }

    /// The graph's own operand number `index`: x in a forward, W and b in a merge.
    package func argument(_ index: Int, _ type: TensorType) -> Value { leaf(.argument, index, type) }
    /// A parameter or buffer, by its number in the list that the graph belongs to.
    package func parameter(_ index: Int, _ type: TensorType) -> Value { leaf(.parameter, index, type) }
    /// A tensor of the frozen base, by its Hugging Face name.
    ///
    /// - Parameter isOriginal: as it was before the host quantised it.
    package func frozen(_ name: String, _ type: TensorType, isOriginal: Bool = false) -> Value {
        leaf(.frozen, isOriginal ? 1 : 0, type, text: name)
    }
    package func site(_ value: SiteValue, _ type: TensorType) -> Value { leaf(.site, value.rawValue, type) }
    package func input(_ input: StepInput) -> Value { append(.input, [], Attributes(integers: [input.rawValue])) }

    package func constant(_ values: [Double], shape: [Int], dtype: DType = .f32) -> Value {
        append(.constant, [], Attributes(integers: [Int(dtype.rawValue)] + shape, scalars: values))
    }

    package func constant(_ value: Double) -> Value { constant([value], shape: []) }

    /// 0, 1, … `count` − 1
    package func iota(_ count: Int) -> Value { append(.iota, [], Attributes(integers: [count])) }

    // MARK: Element-wise

    package func unary(_ op: Operator, _ x: Value) -> Value { append(op, [x]) }
    package func add(_ a: Value, _ b: Value) -> Value { append(.add, [a, b]) }
    package func sub(_ a: Value, _ b: Value) -> Value { append(.sub, [a, b]) }
    package func mul(_ a: Value, _ b: Value) -> Value { append(.mul, [a, b]) }
    package func div(_ a: Value, _ b: Value) -> Value { append(.div, [a, b]) }
    /// `whenTrue` where the condition is not 0, else `whenFalse`.
    package func select(_ condition: Value, _ whenTrue: Value, _ whenFalse: Value) -> Value {
        append(.select, [condition, whenTrue, whenFalse])
    }
    package func cast(_ x: Value, _ dtype: DType) -> Value {
        append(.cast, [x], Attributes(integers: [Int(dtype.rawValue)]))
    }

    // MARK: Products and reductions

    package func matmul(_ a: Value, _ b: Value, transposeA: Bool = false, transposeB: Bool = false) -> Value {
        append(.matmul, [a, b], Attributes(integers: [transposeA ? 1 : 0, transposeB ? 1 : 0]))
    }

    /// `op` is sum, mean or max; no axes means all.
    package func reduce(_ op: Operator, _ x: Value, axes: [Int] = [], keep: Bool = false) -> Value {
        append(op, [x], Attributes(integers: [keep ? 1 : 0] + axes))
    }

    package func softmax(_ x: Value) -> Value { append(.softmax, [x]) }

    package func rmsNorm(_ x: Value, weight: Value, epsilon: Double) -> Value {
        append(.rmsNorm, [x, weight], Attributes(scalars: [epsilon]))
    }

    package func layerNorm(_ x: Value, weight: Value, bias: Value, epsilon: Double) -> Value {
        append(.layerNorm, [x, weight, bias], Attributes(scalars: [epsilon]))
    }

    package func crossEntropy(_ logits: Value, labels: Value) -> Value { append(.crossEntropy, [logits, labels]) }

    package func rope(_ x: Value, cos: Value, sin: Value, inverse: Bool = false) -> Value {
        append(.rope, [x, cos, sin], Attributes(integers: [inverse ? 1 : 0]))
    }

    /// Each token over `more`, which stands in front of its row, and the tokens of the row up to itself: the last `window`
    /// of all these (0: all).
    package func attention(
        _ q: Value, _ k: Value, _ v: Value, more: (k: Value, v: Value)? = nil, window: Int = 0, scale: Double
    ) -> Value {
        append(
            .attention, [q, k, v] + (more.map { [$0.k, $0.v] } ?? []),
            Attributes(integers: [0, window], scalars: [scale]))
    }

    /// Each token over all of a set of keys and values.
    package func attention(_ q: Value, overSet k: Value, _ v: Value, scale: Double) -> Value {
        append(.attention, [q, k, v], Attributes(integers: [1, 0], scalars: [scale]))
    }

    // MARK: Structure

    package func reshape(_ x: Value, _ shape: Shape) -> Value {
        type(x).shape == shape ? x : append(.reshape, [x], Attributes(integers: shape.map(\.code)))
    }
    package func transpose(_ x: Value, _ order: [Int]) -> Value { append(.transpose, [x], Attributes(integers: order)) }
    package func slice(_ x: Value, axis: Int, _ range: Range<Int>) -> Value {
        append(.slice, [x], Attributes(integers: [axis, range.lowerBound, range.upperBound]))
    }
    package func concat(_ values: [Value], axis: Int) -> Value {
        append(.concat, values, Attributes(integers: [axis]))
    }
    package func broadcast(_ x: Value, _ shape: Shape) -> Value {
        type(x).shape == shape ? x : append(.broadcast, [x], Attributes(integers: shape.map(\.code)))
    }
    /// Rows of a table, by index along its first axis.
    package func gather(_ table: Value, _ indices: Value) -> Value { append(.gather, [table, indices]) }
    /// Adds each update to row `indices[…]` of zeros of `size` rows.
    package func scatterAdd(_ indices: Value, _ updates: Value, size: Dim) -> Value {
        append(.scatterAdd, [indices, updates], Attributes(integers: [size.code]))
    }
    package func rowGather(_ x: Value) -> Value { append(.rowGather, [x]) }
    package func rowMean(_ x: Value) -> Value { append(.rowMean, [x]) }

    // MARK: Random

    /// x with each element dropped with `probability` while training, the rest scaled by 1/(1 − probability).
    package func dropout(_ x: Value, probability: Double) -> Value {
        probability == 0 ? x : append(.dropout, [x], Attributes(scalars: [probability]))
    }

    package func stopGradient(_ x: Value) -> Value { append(.stopGradient, [x]) }

    /// The frozen layer of the site, applied to `x` (…, in) → (…, out).
    package func base(_ x: Value, outputs: Int) -> Value { append(.base, [x], Attributes(integers: [outputs])) }

    /// A frozen projection of the attention site, applied to `x` (…, in) → (…, out).
    package func project(_ projection: Projection, _ x: Value, outputs: Int) -> Value {
        append(.project, [x], Attributes(integers: [projection.rawValue, outputs]))
    }

    /// The frozen attention of the site, with more keys and values in front of every row.
    package func attend(_ q: Value, _ k: Value, _ v: Value, more: (k: Value, v: Value)? = nil) -> Value {
        append(.attend, [q, k, v] + (more.map { [$0.k, $0.v] } ?? []), Attributes(integers: [0]))
    }

    /// q over a set of keys and values alone, scaled as the frozen attention of the site.
    package func attend(_ q: Value, overSet keys: Value, _ values: Value) -> Value {
        append(.attend, [q, keys, values], Attributes(integers: [1]))
    }

    /// Rows of the frozen embedding table: ids i32 S → S + (hidden).
    package func tableRows(_ ids: Value, hiddenSize: Int) -> Value {
        append(.tableRows, [ids], Attributes(integers: [hiddenSize]))
    }

    /// What the frozen model keeps of a text in a layer: ids (count) i32 → (count, key heads, head size).
    package func textCache(_ ids: Value, layer: Int, values: Bool, keyHeads: Int, headSize: Int) -> Value {
        append(.textCache, [ids], Attributes(integers: [layer, values ? 1 : 0, keyHeads, headSize]))
    }

    /// What the data give to every row under that name: (R, …).
    package func rowInput(_ name: String, shape: [Int]) -> Value {
        leaf(.rowInput, 0, TensorType([.rows] + shape.map { Dim($0) }), text: name)
    }

    /// A plugin's function: its first result.
    ///
    /// - Parameters:
    ///   - operands: the arrays that its signature reads.
    ///   - scalars: what its signature names and no operand's size gives.
    package func call(_ kernel: Kernel, _ operands: [Value], scalars: [Double] = []) -> Value {
        append(.call, operands, kernel.attributes(.forward, scalars: scalars))
    }
}
