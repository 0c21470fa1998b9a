import CPeftPlugin

/// Element-wise operators. Operands broadcast as in NumPy: shapes are aligned at their last axes, an axis of 1 stretches.
extension Value {
    public static func + (a: Value, b: Value) -> Value { Value(host.ops.add(trace, a.plain, b.plain)) }
    public static func + (a: Value, b: Double) -> Value { a + b.value }
    public static func + (a: Double, b: Value) -> Value { a.value + b }

    public static func - (a: Value, b: Value) -> Value { Value(host.ops.sub(trace, a.plain, b.plain)) }
    public static func - (a: Value, b: Double) -> Value { a - b.value }
    public static func - (a: Double, b: Value) -> Value { a.value - b }

    public static func * (a: Value, b: Value) -> Value { Value(host.ops.mul(trace, a.plain, b.plain)) }
    public static func * (a: Value, b: Double) -> Value { a * b.value }
    public static func * (a: Double, b: Value) -> Value { a.value * b }

    public static func / (a: Value, b: Value) -> Value { Value(host.ops.div(trace, a.plain, b.plain)) }
    public static func / (a: Value, b: Double) -> Value { a / b.value }
    public static func / (a: Double, b: Value) -> Value { a.value / b }

    public static prefix func - (x: Value) -> Value { Value(host.ops.neg(trace, x.plain)) }

    public func exp() -> Value { Value(host.ops.exp(trace, plain)) }
    public func log() -> Value { Value(host.ops.log(trace, plain)) }
    public func sqrt() -> Value { Value(host.ops.sqrt(trace, plain)) }
    public func abs() -> Value { Value(host.ops.abs(trace, plain)) }
    public func sin() -> Value { Value(host.ops.sin(trace, plain)) }
    public func cos() -> Value { Value(host.ops.cos(trace, plain)) }
    public func tanh() -> Value { Value(host.ops.tanh(trace, plain)) }
    public func erf() -> Value { Value(host.ops.erf(trace, plain)) }
    public func sigmoid() -> Value { Value(host.ops.sigmoid(trace, plain)) }
    public func relu() -> Value { Value(host.ops.relu(trace, plain)) }
    /// x · sigmoid(x)
    public func silu() -> Value { Value(host.ops.silu(trace, plain)) }
    /// x · Φ(x), with the error function.
    public func gelu() -> Value { Value(host.ops.gelu(trace, plain)) }
    /// The approximation of ``gelu()`` with tanh.
    public func geluTanh() -> Value { Value(host.ops.gelu_tanh(trace, plain)) }
    /// Its gradient is 0.
    public func floor() -> Value { Value(host.ops.floor(trace, plain)) }

    public func pow(_ exponent: some Operand) -> Value { Value(host.ops.pow(trace, plain, exponent.value.plain)) }
    public func maximum(_ other: some Operand) -> Value { Value(host.ops.maximum(trace, plain, other.value.plain)) }
    public func minimum(_ other: some Operand) -> Value { Value(host.ops.minimum(trace, plain, other.value.plain)) }
    /// a − b·floor(a / b). No gradient.
    public func mod(_ divisor: some Operand) -> Value { Value(host.ops.mod(trace, plain, divisor.value.plain)) }

    /// 1 where it holds, else 0. No gradient.
    public func equals(_ other: some Operand) -> Value { Value(host.ops.equal(trace, plain, other.value.plain)) }
    /// 1 where it holds, else 0. No gradient.
    public func isLess(than other: some Operand) -> Value { Value(host.ops.less(trace, plain, other.value.plain)) }
    /// 1 where it holds, else 0. No gradient.
    public func isAtMost(_ other: some Operand) -> Value { Value(host.ops.less_equal(trace, plain, other.value.plain)) }
    /// `a` where this value is not 0, else `b`.
    public func select(_ a: some Operand, else b: some Operand) -> Value {
        Value(host.ops.where(trace, plain, a.value.plain, b.value.plain))
    }
    /// To i32 toward zero. No gradient.
    public func cast(to type: ElementType) -> Value { Value(host.ops.cast(trace, plain, type.rawValue)) }
}
