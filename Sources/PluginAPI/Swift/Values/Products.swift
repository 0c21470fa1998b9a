import CPeftPlugin

/// Products, reductions and normalisations.
extension Value {
    /// self (…, M, K) · other (…, K, O) → (…, M, O). The axes in front broadcast. A ``T`` on either side costs nothing.
    public func matmul(_ other: Value) -> Value {
        Value(host.ops.matmul(trace, id, other.id, isTransposed ? 1 : 0, other.isTransposed ? 1 : 0))
    }

    /// Over `axes`, in ascending order (none: all); `keep` leaves them as size 1.
    public func sum(_ axes: Int..., keep: Bool = false) -> Value { reduce(host.ops.sum, axes, keep) }
    /// Over `axes`, in ascending order (none: all); `keep` leaves them as size 1.
    public func mean(_ axes: Int..., keep: Bool = false) -> Value { reduce(host.ops.mean, axes, keep) }
    /// Over `axes`, in ascending order (none: all); `keep` leaves them as size 1.
    public func max(_ axes: Int..., keep: Bool = false) -> Value { reduce(host.ops.max, axes, keep) }
    /// The Euclidean norm over `axes`, in ascending order (none: all); `keep` leaves them as size 1.
    public func norm(_ axes: Int..., keep: Bool = false) -> Value { reduce(host.ops.norm, axes, keep) }

    /// Over the last axis.
    public func softmax() -> Value { Value(host.ops.softmax(trace, plain)) }

    /// Over the last axis, H; weight and bias (H).
    public func layerNorm(weight: Value, bias: Value, epsilon: Double = 1e-5) -> Value {
        Value(host.ops.layer_norm(trace, plain, weight.plain, bias.plain, epsilon))
    }

    /// Over the last axis, H; weight (H).
    public func rmsNorm(weight: Value, epsilon: Double = 1e-6) -> Value {
        Value(host.ops.rms_norm(trace, plain, weight.plain, epsilon))
    }

    /// Of logits (M, C) and labels (M) i32, of which -1 counts nothing → (M).
    public func crossEntropy(labels: Value) -> Value { Value(host.ops.cross_entropy(trace, plain, labels.plain)) }

    /// (N, h, d) turned by angles; cos, sin (N, d/2). Element i is paired with i + d/2.
    public func rope(cos: Value, sin: Value) -> Value { Value(host.ops.rope(trace, plain, cos.plain, sin.plain)) }

    /// Queries (N, h, d) over keys and values (N, g, d) of the tokens of their own row up to themselves, at most the last
    /// `window` of them (0: all): softmax of scale · q kᵀ → (N, h, d).
    public func attention(keys: Value, values: Value, window: Int = 0, scale: Double) -> Value {
        Value(host.ops.attention(trace, plain, keys.plain, values.plain, Int64(window), scale))
    }

    /// Queries (N, h, d) over all of a set of keys and values: (K, g, d), or each row's own (R, K, g, d) → (N, h, d).
    public func attention(overSet keys: Value, values: Value, scale: Double) -> Value {
        Value(host.ops.attention_set(trace, plain, keys.plain, values.plain, scale))
    }

    private typealias Reduction =
        @convention(c) (
            OpaquePointer?, peft_value, Int32, UnsafePointer<Int32>?, Int32
        ) -> peft_value

    private func reduce(_ operation: Reduction, _ axes: [Int], _ keep: Bool) -> Value {
        Value(operation(trace, plain, Int32(axes.count), axes.map { Int32($0) }, keep ? 1 : 0))
    }
}
