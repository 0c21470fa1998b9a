import Programs
import Testing

/// A fixed stream of numbers for tests (SplitMix64).
struct Stream: RandomNumberGenerator {
    var state: UInt64

    init(_ seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var z = state
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }

    mutating func uniform(_ range: Range<Double> = -1..<1) -> Double { .random(in: range, using: &self) }
    mutating func values(_ count: Int) -> [Double] { (0..<count).map { _ in uniform() } }
}

/// The gradients of Σ y · cotangent by some arguments, against central differences of the same sum.
///
/// The differences are of fourth order: (8 (f(h) − f(−h)) − (f(2h) − f(−2h))) / 12h, with an error near h⁴.
struct GradientCheck {
    let builder: GraphBuilder
    let context: EvaluationContext
    /// By the number of the argument.
    var arguments: [Tensor64]

    init(_ builder: GraphBuilder, _ context: EvaluationContext = EvaluationContext(), arguments: [Tensor64] = []) {
        self.builder = builder
        self.context = context
        self.arguments = arguments
    }

    func run(_ outputs: [Value]) throws(ProgramError) -> [Tensor64] {
        try Evaluator.run(builder.finish(outputs), context) { node in arguments[node.attributes.integers[0]] }
    }

    /// Σ y · cotangent, with fixed numbers as the cotangent.
    mutating func loss(_ y: Value) -> Value {
        var stream = Stream(7)
        let type = builder.type(y)
        let shape = context.sizes.shape(type)
        let cotangent = builder.argument(arguments.count, type)
        arguments.append(Tensor64(shape, stream.values(shape.reduce(1, *))))
        return builder.reduce(.sum, builder.mul(y, cotangent))
    }

    /// Expects the gradient of Σ y · cotangent by each of `sources`.
    mutating func expect(sumOf y: Value, by sources: [Value], _ name: String) throws {
        let loss = loss(y)
        try expect(loss, by: sources, name)
    }

    /// Expects the gradient of `loss` by each of `sources`, which are arguments.
    func expect(_ loss: Value, by sources: [Value], _ name: String, tolerance: Double = 1e-6) throws {
        let gradients = builder.gradients(of: loss, by: sources)
        let present = gradients.compactMap { $0 }
        try #require(
            builder.error == nil && present.count == sources.count, "\(name): \(builder.error?.message ?? "nil")")
        let analytic = try run(present)
        for (source, gradient) in zip(sources, analytic) {
            let index = builder.graph.node(source).attributes.integers[0]
            #expect(gradient.shape == arguments[index].shape, "\(name)")
            let numeric = try differences(loss, argument: index)
            let scale = numeric.reduce(1e-3) { max($0, abs($1)) }
            for (a, b) in zip(gradient.values, numeric) {
                #expect(
                    abs(a - b) <= tolerance * scale, "\(name), argument \(index): \(gradient.values) not \(numeric)")
                if !(abs(a - b) <= tolerance * scale) { return }
            }
        }
    }

    private func differences(_ loss: Value, argument: Int) throws(ProgramError) -> [Double] {
        let h = 0x1p-10
        var moved = self
        let graph = try builder.finish([loss])
        var result: [Double] = []
        for element in arguments[argument].values.indices {
            func value(_ step: Double) throws(ProgramError) -> Double {
                moved.arguments[argument].values[element] = arguments[argument].values[element] + step
                return try Evaluator.run(graph, context) { node in moved.arguments[node.attributes.integers[0]] }[0]
                    .values[0]
            }
            let near = try value(h) - value(-h)
            let far = try value(2 * h) - value(-2 * h)
            result.append((8 * near - far) / (12 * h))
            moved.arguments[argument].values[element] = arguments[argument].values[element]
        }
        return result
    }
}
