import CPeftPlugin

/// Structure: which element stands where. A first axis that is N or R stays where it is.
extension Value {
    /// Of as many elements.
    public func reshape(_ shape: [Int]) -> Value {
        Value(host.ops.reshape(trace, plain, Int32(shape.count), shape.map { Int64($0) }))
    }

    /// Axis i of the result is axis `order[i]`.
    public func transpose(_ order: [Int]) -> Value {
        Value(host.ops.transpose(trace, plain, Int32(order.count), order.map { Int32($0) }))
    }

    /// Elements `range` of an axis.
    public func slice(axis: Int, _ range: Range<Int>) -> Value {
        Value(host.ops.slice(trace, plain, Int32(axis), Int64(range.lowerBound), Int64(range.upperBound)))
    }

    /// Values of one rank joined along an axis.
    public static func concat(_ values: [Value], axis: Int) -> Value {
        let ids = values.map(\.plain)
        return Value(host.ops.concat(trace, Int32(ids.count), ids, Int32(axis)))
    }

    public func broadcast(to shape: [Int]) -> Value {
        Value(host.ops.broadcast(trace, plain, Int32(shape.count), shape.map { Int64($0) }))
    }

    /// Rows of a table (A, …) by indices i32 of shape S → S + (…).
    public func gather(_ indices: Value) -> Value { Value(host.ops.gather(trace, plain, indices.plain)) }

    /// Updates S + (…), each added to row `indices[S]` (i32) of `size` rows of zeros → (size, …).
    public func scatterAdd(at indices: Value, size: Int) -> Value {
        Value(host.ops.scatter_add(trace, indices.plain, plain, Int64(size)))
    }

    // MARK: Constants

    public static func scalar(_ value: Double) -> Value { Value(host.ops.scalar(trace, value)) }

    /// At most 65,536 elements, in row-major order.
    public static func constant(_ elements: [Double], shape: [Int], type: ElementType = .f32) -> Value {
        guard elements.count == shape.reduce(1, *) else {
            _ = host.trace.fail(trace, "a constant of shape \(shape) cannot have \(elements.count) elements")
            return Value(PEFT_FAILED)
        }
        return Value(host.ops.constant(trace, type.rawValue, Int32(shape.count), shape.map { Int64($0) }, elements))
    }

    /// 0, 1, … count − 1, i32.
    public static func iota(_ count: Int) -> Value { Value(host.ops.iota(trace, Int64(count))) }
}
