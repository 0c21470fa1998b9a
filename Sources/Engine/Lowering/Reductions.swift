import Glibc
import Kernels
import Programs

extension Lowering {
    mutating func lowerReduction(_ index: Int, _ node: Node) throws(EngineError) {
        switch node.op {
        case .rowSum, .rowMean: try lowerRows(index, node)
        case .maxGradient: try lowerMaxGradient(index, node)
        default: try lowerAxes(index, node)
        }
    }

    private mutating func lowerAxes(_ index: Int, _ node: Node) throws(EngineError) {
        let x = type(node.inputs[0])
        let written = Array(node.attributes.integers.dropFirst())
        let axes = written.isEmpty ? Array(x.shape.indices) : written
        guard axes == Array((axes.first ?? 0)..<((axes.first ?? 0) + axes.count)) else {
            throw EngineError("\(node.op.name) over axes that are not neighbours: \(axes)")
        }
        let first = axes.first ?? 0
        let reduced = Extent(x.shape[first..<(first + axes.count)])
        let inner = Extent(x.shape[(first + axes.count)...]).factor
        let kernel = node.op == .sum ? PH_SUM : node.op == .mean ? PH_MEAN : PH_MAXIMUM
        let (from, to) = (try floats(node.inputs[0]), try floats(Value(index)))
        emit(node.op.name, over: extent(Value(index)), grain: 64) { context, range in
            ph_reduce(kernel, from, to, reduced.count(context.sizes), inner, range.lowerBound, range.upperBound)
        }
    }

    /// Sums over the tokens of each row.
    private mutating func lowerRows(_ index: Int, _ node: Node) throws(EngineError) {
        guard let start = inputs?.rowStart.ints else { throw EngineError("\(node.op.name) needs the rows of a batch") }
        let width = Extent(type(node.inputs[0]).shape.dropFirst()).factor
        let (x, y) = (try floats(node.inputs[0]), try floats(Value(index)))
        let kernel = node.op == .rowMean ? PH_MEAN : PH_SUM
        emit(node.op.name, over: Extent([.rows]), grain: 1) { _, rows in
            for row in rows {
                let tokens = Int(start[row + 1] - start[row])
                ph_reduce(kernel, x + Int(start[row]) * width, y + row * width, tokens, width, 0, width)
            }
        }
    }

    /// The gradient goes to the first of the largest elements.
    private mutating func lowerMaxGradient(_ index: Int, _ node: Node) throws(EngineError) {
        let x = type(node.inputs[0])
        let written = Array(node.attributes.integers.dropFirst())
        let axes = written.isEmpty ? Array(x.shape.indices) : written
        let first = axes.first ?? 0
        let reduced = Extent(x.shape[first..<(first + axes.count)])
        let inner = Extent(x.shape[(first + axes.count)...]).factor
        let (from, dy, dx) = (try floats(node.inputs[0]), try floats(node.inputs[1]), try floats(Value(index)))
        emit(node.op.name, over: Extent(x.shape[..<first] + x.shape[(first + axes.count)...]), grain: 256) { context, range in
            let count = reduced.count(context.sizes)
            for element in range {
                let start = element / inner * count * inner + element % inner
                var best = 0
                for k in 0..<count {
                    dx[start + k * inner] = 0
                    if from[start + k * inner] > from[start + best * inner] { best = k }
                }
                if count > 0 { dx[start + best * inner] = dy[element] }
            }
        }
    }
}
