import CPeftPlugin

/// Tokens, rows and what a step brings. Rows of a batch are packed, so that the rows' tokens stand behind each other on one
/// axis N; only these reach across it.
extension Value {
    /// (N) i32: 0 for virtual tokens, which have none.
    public static var tokenIDs: Value { Value(host.ops.token_ids(trace)) }
    /// (N) i32: from 0 in each row, virtual tokens counted.
    public static var positions: Value { Value(host.ops.positions(trace)) }
    /// (N) i32
    public static var rowOfToken: Value { Value(host.ops.row_of_token(trace)) }
    /// (N): 1 where a token belongs to the row's prompt, virtual tokens included, else 0.
    public static var isPrompt: Value { Value(host.ops.is_prompt(trace)) }
    /// A scalar: 1 while training, else 0.
    public static var training: Value { Value(host.ops.training(trace)) }

    /// An input that comes with each row of the data, by name; `shape` without the axis R → (R, …).
    public static func rowInput(_ name: String, shape: [Int]) -> Value {
        Value(host.ops.row_input(trace, name, Int32(shape.count), shape.map { Int64($0) }))
    }

    /// (R, …) → (N, …): every token its row's.
    public func rowGather() -> Value { Value(host.ops.row_gather(trace, plain)) }
    /// (N, …) → (R, …): over the tokens of each row.
    public func rowMean() -> Value { Value(host.ops.row_mean(trace, plain)) }

    /// Update graphs: the step just taken, counted from 0; a scalar.
    public static var step: Value { Value(host.ops.step(trace)) }
    /// Update graphs: how many steps there will be; a scalar.
    public static var totalSteps: Value { Value(host.ops.total_steps(trace)) }
}

/// Random numbers, from the host's streams. What is drawn depends on the seed, the module, the step, the row and the position,
/// never on how rows are packed.
extension Value {
    /// While training drops each element with `probability`, in 0..<1, and scales the others by 1 / (1 − probability).
    public func dropout(_ probability: Double) -> Value { Value(host.ops.dropout(trace, plain, probability)) }

    /// (R): 1 with that probability, else 0.
    public static func rowBernoulli(_ probability: Double) -> Value {
        Value(host.ops.row_bernoulli(trace, probability))
    }

    /// 1 with that probability, else 0.
    public static func bernoulli(_ probability: Double, shape: [Int]) -> Value {
        Value(host.ops.bernoulli(trace, probability, Int32(shape.count), shape.map { Int64($0) }))
    }

    public static func normal(mean: Double = 0, deviation: Double = 1, shape: [Int]) -> Value {
        Value(host.ops.normal(trace, mean, deviation, Int32(shape.count), shape.map { Int64($0) }))
    }

    /// In low ..< high.
    public static func uniform(_ low: Double, _ high: Double, shape: [Int]) -> Value {
        Value(host.ops.uniform(trace, low, high, Int32(shape.count), shape.map { Int64($0) }))
    }
}
