import CPeftPlugin

/// Order statistics, which have no gradient, and linear algebra.
extension Value {
    /// The value as a constant: no gradient flows through it.
    public func stopGradient() -> Value { Value(host.ops.stop_gradient(trace, plain)) }

    public func cumsum(axis: Int) -> Value { Value(host.ops.cumsum(trace, plain, Int32(axis))) }

    /// Over the last axis, ascending; with the positions (i32) that the values had.
    public func sort() -> (values: Value, indices: Value) {
        var indices = PEFT_FAILED
        return (Value(host.ops.sort(trace, plain, &indices)), Value(indices))
    }

    /// The `k` largest of the last axis, descending; with the positions (i32) that they had. For a gradient pick the values
    /// with `Value.iota(n).equals(indices…)`.
    public func topK(_ k: Int) -> (values: Value, indices: Value) {
        var indices = PEFT_FAILED
        return (Value(host.ops.top_k(trace, plain, Int64(k), &indices)), Value(indices))
    }

    /// The k-th smallest of all elements; k, a scalar from 1 up, may be known only when run.
    public func kthValue(_ k: some Operand) -> Value { Value(host.ops.kth_value(trace, plain, k.value.plain)) }

    /// X with self · X = b; self (…, n, n), b (…, n, m).
    public func solve(_ b: Value) -> Value { Value(host.ops.solve(trace, plain, b.plain)) }
    /// Of (…, n, n).
    public func inverse() -> Value { Value(host.ops.inverse(trace, plain)) }

    /// Init and merge graphs: self (m, n) = q (m, k) · r (k, n), k = min(m, n).
    public func qr() -> (q: Value, r: Value) {
        var r = PEFT_FAILED
        return (Value(host.ops.qr(trace, plain, &r)), Value(r))
    }

    /// Init and merge graphs: self (m, n) = u (m, k) · diag(s) · vt (k, n), k = min(m, n), s descending.
    public func svd() -> (u: Value, s: Value, vt: Value) {
        var (s, vt) = (PEFT_FAILED, PEFT_FAILED)
        return (Value(host.ops.svd(trace, plain, &s, &vt)), Value(s), Value(vt))
    }
}
