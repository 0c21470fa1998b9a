import Engine
import Programs
import TestSupport

/// Runs a graph over arguments in float32 and returns its outputs as float64.
///
/// - Parameter rowOffsets: where each row's tokens begin, and at the end N.
func run(
    _ graph: Graph, rowOffsets: [Int] = [0], targets: Int = 0, capacity: Sizes? = nil, seed: UInt64 = 0,
    context: RunContext? = nil, threads: Int = 1, leaf: (Node) -> [Double]
) throws -> [[Double]] {
    let sizes = Sizes(tokens: rowOffsets.last!, rows: rowOffsets.count - 1, targets: targets)
    let inputs = StepBuffers(capacity: capacity ?? sizes)
    inputs.load(
        Batch(
            rows: zip(rowOffsets, rowOffsets.dropFirst()).map { Array(repeating: 0, count: $1 - $0) },
            targetIndex: [], targetLabels: [], targetWeights: []))
    var kept: [Buffer] = []
    let executable = try Executable(graph, capacity: capacity ?? sizes, inputs: inputs, seed: seed) {
        node throws(EngineError) in
        let values = leaf(node)
        let buffer = node.type.dtype == .f32 ? Buffer(values.map(Float.init)) : Buffer(values.map { Int32($0) })
        kept.append(buffer)
        return .memory(buffer.raw)
    }
    let pool = WorkerPool(threads: threads)
    let context = context ?? RunContext(sizes: sizes, isTraining: true)
    context.sizes = sizes
    executable.run(context, on: pool)
    return withExtendedLifetime(kept) {
        graph.outputs.indices.map { output in
            let type = graph.type(graph.outputs[output])
            let count = sizes.count(type)
            return type.dtype == .f32
                ? (0..<count).map { Double(executable.floats(output)[$0]) }
                : (0..<count).map { Double(executable.ints(output)[$0]) }
        }
    }
}

/// The largest |a − b| over max(1, |b|); infinite where one is NaN and the other is not.
func distance(_ a: [Double], _ b: [Double]) -> Double {
    guard a.count == b.count else { return .infinity }
    return zip(a, b).reduce(0) { worst, pair in
        let (x, y) = pair
        if x == y || x.isNaN && y.isNaN { return worst }
        let distance = abs(x - y) / Swift.max(1, abs(y))
        return distance.isNaN ? .infinity : Swift.max(worst, distance)
    }
}

extension OperatorCase {
    func argument(_ node: Node) -> [Double] { operands[node.attributes.integers[0]].values }
}
