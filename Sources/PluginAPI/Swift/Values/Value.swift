import CPeftPlugin

/// A node of the graph that is being built: a parameter, something of the frozen model, or the result of an operator.
///
/// Operators never fail in place: a wrong shape makes a value that fails, all that follows from it fails too, and the host
/// reports the first error with its place when the callback has returned.
public struct Value {
    let id: peft_value
    /// Whether it stands for `id` with its last two axes swapped.
    let isTransposed: Bool

    init(_ id: peft_value, isTransposed: Bool = false) {
        self.id = id
        self.isTransposed = isTransposed
    }

    /// With the last two axes swapped. Costs nothing before ``matmul(_:)``, which takes its operands either way.
    public var T: Value { Value(id, isTransposed: !isTransposed) }

    /// The value as an id that any operator takes.
    var plain: peft_value {
        guard isTransposed else { return id }
        let rank = host.graphs.rank(trace, id)
        guard rank >= 2 else { return id }
        var order = Array(0..<rank)
        order.swapAt(order.count - 1, order.count - 2)
        return host.ops.transpose(trace, id, rank, order)
    }

    /// Its sizes; the first can be ``tokens`` or ``rows``. After an error as many ones as a value can have axes, so that code
    /// that reads one of them goes on to where it returns.
    public var shape: [Int] {
        var shape = (0..<Swift.max(0, host.graphs.rank(trace, id))).map { Int(host.graphs.size(trace, id, $0)) }
        if isTransposed, shape.count >= 2 { shape.swapAt(shape.count - 1, shape.count - 2) }
        return host.trace.failed(trace) == 0 ? shape : Array(repeating: 1, count: Int(PEFT_MAX_RANK))
    }

    /// As the first axis of a shape: N, the tokens of a batch.
    public static let tokens = Int(PEFT_TOKENS)
    /// As the first axis of a shape: R, the rows of a batch.
    public static let rows = Int(PEFT_ROWS)
}

/// What stands for a value in an operator: a value, or a number, which becomes a scalar constant.
public protocol Operand {
    var value: Value { get }
}

extension Value: Operand {
    public var value: Value { self }
}

extension Double: Operand {
    public var value: Value { .scalar(self) }
}

extension Int: Operand {
    public var value: Value { .scalar(Double(self)) }
}

/// Types of elements.
public enum ElementType: Int32, Sendable {
    case f32 = 0
    case i32 = 1
}
