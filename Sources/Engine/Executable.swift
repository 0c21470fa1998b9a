import Kernels
import Programs

/// Where the value of a leaf is.
package enum LeafStorage {
    /// Float32 or Int32 elements of ours, which may change between runs.
    case memory(UnsafeMutableRawPointer)
    /// A tensor of the frozen base, as stored.
    case frozen(FrozenTensor)
}

/// A graph made ready to run: memory planned, kernels chosen, pointers resolved, for any batch up to a capacity.
package final class Executable {
    package let graph: Graph
    package let capacity: Sizes
    /// Bytes of the arena that holds the values between leaves and outputs.
    package let arenaBytes: Int
    private let arena: Buffer
    private let inputs: StepBuffers?
    private let cache: KeyValueCache?
    private let instructions: [Instruction]
    private let outputs: [UnsafeMutableRawPointer]
    /// Memory that the instructions point to.
    private let kept: [AnyObject]

    /// - Parameters:
    ///   - capacity: the largest batch that it will be run for.
    ///   - recomputing: what is computed twice instead of kept.
    ///   - inputs: where step inputs are; nil for graphs without any.
    ///   - cache: holds the tokens before those of a run, which adds its own; the graph must not let tokens meet outside of
    ///     attention (``Graph/meetsInAttentionOnly``).
    ///   - seed: keys the random streams.
    ///   - leaf: the storage of `parameter`, `frozen`, `argument` and `site` leaves.
    /// - Throws: `EngineError` where an operator has no kernel or a leaf no storage.
    package init(
        _ graph: Graph, capacity: Sizes, recomputing: Recomputation? = nil, inputs: StepBuffers? = nil,
        cache: KeyValueCache? = nil, seed: UInt64 = 0, leaf: (Node) throws(EngineError) -> LeafStorage
    ) throws(EngineError) {
        self.graph = graph
        self.capacity = capacity
        self.inputs = inputs
        self.cache = cache
        let fused = Executable.rewritten(graph, recomputing)
        var lowering = try Lowering(fused, capacity: capacity, inputs: inputs, cache: cache, seed: seed, leaf: leaf)
        try lowering.lowerAll()
        arena = lowering.arena
        arenaBytes = lowering.arena.count * 4
        instructions = lowering.instructions
        var pointers: [UnsafeMutableRawPointer] = []
        for output in fused.outputs { pointers.append(try lowering.pointer(output)) }
        outputs = pointers
        kept = lowering.kept
    }

    /// Elements of 4 bytes that the arena of a graph would have.
    package static func arenaCount(_ graph: Graph, capacity: Sizes, recomputing: Recomputation? = nil) -> Int {
        let graph = rewritten(graph, recomputing)
        let live = graph.live(from: graph.outputs)
        return MemoryPlan(graph, capacity: capacity) { live[$0] && !graph.nodes[$0].op.isLeaf }.count
    }

    /// Fused first, which keeps the numbers of nodes: a product that is computed again is then the same product.
    private static func rewritten(_ graph: Graph, _ recomputing: Recomputation?) -> Graph {
        let fused = Fusion.apply(graph)
        return Rematerialization.apply(recomputing.map { fused.recomputing($0) } ?? fused)
    }

    package func run(_ context: RunContext, on pool: WorkerPool) {
        let (sizes, most) = (context.sizes, capacity)
        precondition(sizes.tokens <= most.tokens && sizes.rows <= most.rows && sizes.targets <= most.targets)
        precondition(cache.map { $0.running.count == sizes.rows } ?? true)
        inputs?.load(context)
        if let inputs { cache?.open(inputs.rowStart.ints) }
        pool.run(instructions, context)
        if let inputs { cache?.close(inputs.rowStart.ints) }
    }

    /// Gives back the arena's memory until the next run; what outputs held is lost.
    package func release() { arena.discard() }

    /// Seconds that each instruction takes on the calling thread, all runs together, by its name; longest first.
    package func profile(_ context: RunContext, runs: Int = 1) -> [(name: String, seconds: Double, count: Int)] {
        let pool = WorkerPool(threads: 1)
        let clock = ContinuousClock()
        inputs?.load(context)
        if let inputs { cache?.open(inputs.rowStart.ints) }
        var times: [String: (Duration, Int)] = [:]
        for _ in 0..<runs {
            for instruction in instructions {
                let time = clock.measure { pool.run([instruction], context) }
                times[instruction.name, default: (.zero, 0)].0 += time
                times[instruction.name]!.1 += 1
            }
        }
        return times.map { ($0, $1.0 / .seconds(1), $1.1) }.sorted { $0.seconds > $1.seconds }
    }

    /// The elements of an output after a run, valid until the next.
    package func floats(_ output: Int) -> UnsafeMutablePointer<Float> {
        outputs[output].assumingMemoryBound(to: Float.self)
    }

    package func ints(_ output: Int) -> UnsafeMutablePointer<Int32> {
        outputs[output].assumingMemoryBound(to: Int32.self)
    }

    /// A copy of an output after a run with these sizes.
    package func array(_ output: Int, _ sizes: Sizes) -> [Float] {
        Array(UnsafeBufferPointer(start: floats(output), count: sizes.count(graph.type(graph.outputs[output]))))
    }
}
