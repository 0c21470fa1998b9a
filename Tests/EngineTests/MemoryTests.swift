import CAllocations
import Engine
import Programs
import Testing

/// Memory is planned once: reused where nobody reads any more, never while somebody does, never allocated in a step.
struct MemoryTests {
    /// A graph of `count` operators over values (4, 6) and (N, 6), each applied to earlier ones at random, and some of
    /// them outputs: what is overwritten too early shows in one of these.
    static func randomGraph(seed: UInt64, count: Int) throws -> Graph {
        var numbers = SplitMix(state: seed)
        let g = GraphBuilder()
        var values = [
            g.argument(0, TensorType([4, 6])), g.argument(1, TensorType([.tokens, 6])),
            g.argument(2, TensorType([6, 6])),
        ]
        var outputs: [Value] = []
        func pick() -> Value { values[values.count - 1 - numbers.below(Swift.min(values.count, 9))] }
        while values.count < count + 3 {
            let (a, b) = (pick(), pick())
            let (typeA, typeB) = (g.type(a), g.type(b))
            let value: Value
            switch numbers.below(12) {
            case 0 where typeA == typeB: value = g.add(a, b)
            case 1 where typeA == typeB: value = g.mul(a, g.unary(.tanh, b))
            case 2: value = g.unary(.tanh, a)
            case 3: value = g.unary(.sin, a)
            case 4: value = g.softmax(a)
            case 5: value = g.matmul(a, values[2])
            case 6: value = g.unary(.tanh, g.matmul(a, values[2], transposeB: true))
            case 7: value = g.reshape(g.reshape(a, typeA.shape.prefix(1) + [2, 3]), typeA.shape)
            case 8: value = g.concat([g.slice(a, axis: 1, 3..<6), g.slice(a, axis: 1, 0..<3)], axis: 1)
            case 9: value = g.add(a, g.reduce(.mean, a, axes: [1], keep: true))
            case 10 where typeA.symbol == nil: value = g.reshape(g.transpose(a, [1, 0]), typeA.shape)
            default:
                let weight = g.reshape(g.slice(values[2], axis: 0, 0..<1), [6])
                let y = g.rmsNorm(a, weight: weight, epsilon: 1e-2)
                value = g.mul(y, g.reshape(Value(y.node, 1), typeA.shape.prefix(1) + [1]))
            }
            values.append(value)
            if numbers.below(8) == 0 { outputs.append(value) }
        }
        return try g.finish(outputs + [values[values.count - 1]])
    }

    @Test(arguments: 0..<60)
    func nothingIsOverwrittenWhileAlive(_ seed: UInt64) throws {
        let graph = try Self.randomGraph(seed: seed, count: 40)
        var numbers = SplitMix(state: seed ^ 77)
        let rows = [0, 2, 2, 5]
        let operands = [24, 30, 36].map { count in (0..<count).map { _ in Double(Float(numbers.unit() * 2 - 1)) } }
        let expected = try Evaluator.run(graph, EvaluationContext(rowOffsets: rows)) { node in
            let index = node.attributes.integers[0]
            return Tensor64([[4, 6], [5, 6], [6, 6]][index], operands[index])
        }
        for threads in [1, 2] {
            let capacity = Sizes(tokens: 8, rows: 4, targets: 0)
            let found = try run(graph, rowOffsets: rows, capacity: capacity, threads: threads) {
                operands[$0.attributes.integers[0]]
            }
            for (found, expected) in zip(found, expected) { #expect(distance(found, expected.values) <= 1e-4) }
        }
    }

    /// A chain as long as one likes needs room for two values.
    @Test func memoryIsReused() throws {
        let g = GraphBuilder()
        var x = g.argument(0, TensorType([16, 16]))
        for _ in 0..<50 { x = g.unary(.tanh, g.matmul(x, x)) }
        let values = [Float](repeating: 0.1, count: 256)
        let buffer = Buffer(values)
        let executable = try Executable(
            g.finish([x]), capacity: Sizes(tokens: 0, rows: 0, targets: 0)
        ) { _ throws(EngineError) in .memory(buffer.raw) }
        #expect(executable.arenaBytes <= 2 * 256 * 4)
        executable.run(RunContext(sizes: Sizes(tokens: 0, rows: 0, targets: 0)), on: WorkerPool(threads: 1))
        #expect(buffer.floatArray == values)
    }

    /// Ten runs of a graph with a bit of everything ask the allocator for nothing, whatever the number of threads. In a
    /// process of its own, where no other test allocates.
    @Test func stepsDoNotAllocate() async {
        await #expect(processExitsWith: .success) {
            for threads in [1, 2] {
                let (executable, context, leaves) = try EverydayProgram.make()
                let pool = WorkerPool(threads: threads)
                executable.run(context, on: pool)
                let before = allocations_count()
                for _ in 0..<10 { executable.run(context, on: pool) }
                let count = allocations_count() - before
                withExtendedLifetime(leaves) {}
                precondition(before > 0, "the counter does not count")
                precondition(count == 0, "\(count) allocations in 10 runs with \(threads) threads")
            }
        }
    }
}

/// A training program with a bit of everything that a step uses.
enum EverydayProgram {
    static func make() throws -> (Executable, RunContext, [Buffer]) {
        let g = GraphBuilder()
        let parameters = (0..<6).map { g.parameter($0, TensorType([8, 8])) }
        let x = g.gather(parameters[0], g.input(.tokenIDs))
        let angles = g.mul(
            g.reshape(g.cast(g.input(.positions), .f32), [.tokens, 1]), g.constant([1, 0.1], shape: [2]))
        let rope = (cos: g.unary(.cos, angles), sin: g.unary(.sin, angles))
        func heads(_ weight: Value) -> Value {
            g.rope(
                g.reshape(g.matmul(x, weight, transposeB: true), [.tokens, 2, 4]), cos: rope.cos, sin: rope.sin)
        }
        let attended = g.attention(
            heads(parameters[1]), heads(parameters[2]), g.reshape(g.matmul(x, parameters[3]), [.tokens, 2, 4]),
            scale: 0.5)
        let dropped = g.append(
            .dropout, [g.reshape(attended, [.tokens, 8])], Attributes(integers: [0], scalars: [0.1], text: "a|b"))
        let weight = g.reshape(g.slice(parameters[4], axis: 0, 0..<1), [8])
        let normed = g.rmsNorm(g.add(x, dropped), weight: weight, epsilon: 1e-5)
        let batched = g.reshape(
            g.matmul(g.reshape(normed, [.tokens, 1, 8]), g.reshape(parameters[5], [1, 8, 8])), [.tokens, 8])
        let gated = g.mul(g.unary(.silu, batched), g.rowGather(g.rowMean(g.select(normed, x, batched))))
        let logits = g.matmul(g.gather(gated, g.input(.targetIndex)), parameters[0], transposeB: true)
        let losses = g.crossEntropy(logits, labels: g.input(.targetLabels))
        let solved = g.append(.solve, [g.add(parameters[1], g.constant(identity, shape: [8, 8])), parameters[2]])
        let extra = g.mul(g.reduce(.sum, g.unary(.tanh, solved)), g.constant(0.01))
        let loss = g.add(g.reduce(.sum, g.mul(losses, g.input(.targetWeights))), extra)
        let sorted = g.append(.sort, [parameters[3]])
        let kth = g.append(.kthValue, [parameters[3], g.input(.step)])
        let others = [
            sorted, kth, g.append(.topK, [parameters[3]], Attributes(integers: [2])),
            g.append(.cumsum, [x], Attributes(integers: [1])), g.append(.qr, [parameters[5]]),
            g.append(.svd, [parameters[5]]), g.append(.normal, [], Attributes(integers: [1, 0, 4], scalars: [0, 1])),
            g.add(Value(sorted.node, 1), g.iota(8)),
        ]
        let graph = try g.finish([loss] + g.gradients(of: loss, by: parameters).compactMap { $0 } + others)
        let sizes = Sizes(tokens: 5, rows: 2, targets: 2)
        let inputs = StepBuffers(capacity: sizes)
        inputs.load(
            Batch(rows: [[1, 2], [3, 4, 5]], targetIndex: [1, 4], targetLabels: [0, 1], targetWeights: [0.5, 0.5]))
        var numbers = SplitMix(state: 5)
        let leaves = (0..<6).map { _ in Buffer((0..<64).map { _ in Float(numbers.unit()) }) }
        let executable = try Executable(graph, capacity: sizes, inputs: inputs) { node throws(EngineError) in
            .memory(leaves[node.attributes.integers[0]].raw)
        }
        return (executable, RunContext(sizes: sizes, isTraining: true), leaves)
    }

    private static let identity = (0..<64).map { $0 / 8 == $0 % 8 ? 4.0 : 0 }
}

/// Random numbers for tests (Steele, Lea, Flood 2014).
struct SplitMix {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var z = state
        z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
        z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
        return z ^ (z >> 31)
    }

    /// In 0 ..< count.
    mutating func below(_ count: Int) -> Int { Int(next() % UInt64(count)) }
    /// In [0, 1).
    mutating func unit() -> Double { Double(next() >> 40) / 16_777_216 }
}
