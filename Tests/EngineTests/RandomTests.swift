import Engine
import Kernels
import Programs
import Testing

/// What random operators draw depends on the seed, the stream, the ordinal, the step, the micro-batch, the row, the
/// position and the element, and on nothing else.
struct RandomTests {
    private static func stream(_ ordinal: Int, _ scalars: [Double], _ type: TensorType? = nil) -> Attributes {
        Attributes(
            integers: [ordinal] + (type.map { [Int($0.dtype.rawValue)] + $0.shape.map(\.code) } ?? []),
            scalars: scalars,
            text: "LORA|model.layers.0.q_proj")
    }

    private static func draw(
        _ op: Operator, _ attributes: Attributes, rows: [Int] = [0], operand: TensorType? = nil, seed: UInt64 = 1,
        step: Int = 0, microBatch: Int = 0, isTraining: Bool = true, threads: Int = 1
    ) throws -> [Double] {
        let g = GraphBuilder()
        let x = operand.map { [g.argument(0, $0)] } ?? []
        let sizes = Sizes(tokens: rows.last!, rows: rows.count - 1, targets: 0)
        let context = RunContext(sizes: sizes, isTraining: isTraining, step: step, microBatch: microBatch)
        return try run(
            g.finish([g.append(op, x, attributes)]), rowOffsets: rows, seed: seed, context: context, threads: threads
        ) { Array(repeating: 1, count: sizes.count($0.type)) }[0]
    }

    @Test func laws() throws {
        let type = TensorType([300, 300])
        let normal = try Self.draw(.normal, Self.stream(0, [2, 3], type))
        let mean = normal.reduce(0, +) / 90_000
        let variance = normal.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / 90_000
        #expect(abs(mean - 2) < 0.05 && abs(variance.squareRoot() - 3) < 0.05)
        let uniform = try Self.draw(.uniform, Self.stream(0, [-1, 3], type))
        #expect(uniform.allSatisfy { -1 <= $0 && $0 < 3 })
        #expect(abs(uniform.reduce(0, +) / 90_000 - 1) < 0.02)
        for p in [0, 0.3, 1] {
            let ones = try Self.draw(.bernoulli, Self.stream(0, [p], type))
            #expect(ones.allSatisfy { $0 == 0 || $0 == 1 })
            #expect(abs(ones.reduce(0, +) / 90_000 - p) < 0.01)
        }
        let dropped = try Self.draw(.dropout, Self.stream(0, [0.25]), operand: type)
        #expect(Set(dropped) == [0, Double(Float(1) / 0.75)])
        #expect(abs(dropped.reduce(0, +) / 90_000 - 1) < 0.01)
        #expect(
            try Self.draw(.dropout, Self.stream(0, [0.25]), operand: type, isTraining: false).allSatisfy { $0 == 1 })
    }

    /// The stated keys, by the generator itself: Philox of (step, micro-batch) under the hashed name gives the key of the
    /// draws.
    @Test func uniformIsTheStatedStream() throws {
        let found = try Self.draw(.uniform, Self.stream(7, [0, 1], TensorType([5])), seed: 3, step: 11, microBatch: 2)
        let words = RandomKey(seed: 3, "LORA|model.layers.0.q_proj#7").words
        var key: [UInt32] = [0, 0, 0, 0]
        ph_philox([11, 2, 0, 0], [words.0, words.1], &key)
        var expected = [Float](repeating: 0, count: 5)
        ph_random_uniform(key, 0, 0, &expected, 5)
        #expect(found == expected.map(Double.init))
        // bernoulli is 1 where the same numbers are below p.
        let ones = try Self.draw(.bernoulli, Self.stream(7, [0.5], TensorType([5])), seed: 3, step: 11, microBatch: 2)
        #expect(ones == expected.map { $0 < 0.5 ? 1 : 0 })
    }

    @Test(
        arguments: [
            (.dropout, stream(0, [0.5]), TensorType([.tokens, 40])), (.dropout, stream(0, [0.5]), TensorType([40])),
            (.dropout, stream(0, [0.5]), TensorType([.rows, 40])),
            (.bernoulli, stream(0, [0.5], TensorType([.tokens, 40])), nil),
            (.bernoulli, stream(0, [0.5], TensorType([40])), nil), (.normal, stream(0, [0, 1], TensorType([40])), nil),
            (.uniform, stream(0, [0, 1], TensorType([40])), nil), (.rowBernoulli, stream(0, [0.5]), nil),
        ] as [(Operator, Attributes, TensorType?)])
    func keys(_ op: Operator, _ attributes: Attributes, _ operand: TensorType?) throws {
        let rows = Array(stride(from: 0, through: 90, by: 3))
        func draw(
            _ attributes: Attributes, seed: UInt64 = 1, step: Int = 0, microBatch: Int = 0, threads: Int = 1
        ) throws -> [Double] {
            try Self.draw(
                op, attributes, rows: rows, operand: operand, seed: seed, step: step, microBatch: microBatch,
                threads: threads)
        }
        let first = try draw(attributes)
        #expect(try first == draw(attributes))
        #expect(try first == draw(attributes, threads: 2))
        #expect(try first != draw(attributes, seed: 2))
        #expect(try first != draw(attributes, step: 1))
        #expect(try first != draw(attributes, microBatch: 1))
        var other = attributes
        other.text = "LORA|model.layers.1.q_proj"
        #expect(try first != draw(other))
        other = attributes
        other.integers[0] = 1
        #expect(try first != draw(other))
    }

    /// A token draws by its row and position, wherever in the pack it lies.
    @Test func packingDoesNotShow() throws {
        let attributes = Self.stream(0, [0.5])
        let type = TensorType([.tokens, 100])
        let long = try Self.draw(.dropout, attributes, rows: [0, 4, 9], operand: type)
        let short = try Self.draw(.dropout, attributes, rows: [0, 2, 9], operand: type)
        #expect(long[..<200] == short[..<200])
        #expect(long[400..<900] == short[200..<700])
    }

    /// The gradient of dropout has the mask of the forward pass.
    @Test func gradientHasTheSameMask() throws {
        let g = GraphBuilder()
        let x = g.argument(0, TensorType([.tokens, 8]))
        let y = g.append(.dropout, [x], Self.stream(0, [0.5]))
        let gradient = g.gradients(of: g.reduce(.sum, y), by: [x])[0]!
        let results = try run(g.finish([y, gradient]), rowOffsets: [0, 3, 5]) { _ in Array(repeating: 1, count: 40) }
        #expect(results[0] == results[1])
        #expect(Set(results[0]) == [0, 2])
    }
}
