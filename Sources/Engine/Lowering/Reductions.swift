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

    /// Axes that are neighbours are reduced in one pass; groups of them one after another, the last first.
    private mutating func lowerAxes(_ index: Int, _ node: Node) throws(EngineError) {
        let x = type(node.inputs[0])
        let written = Array(node.attributes.integers.dropFirst())
        var groups: [Range<Int>] = []
        for axis in written.isEmpty ? Array(x.shape.indices) : written {
            if groups.last?.upperBound == axis {
                groups[groups.count - 1] = groups[groups.count - 1].lowerBound..<axis + 1
            } else {
                groups.append(axis..<axis + 1)
            }
        }
        if groups.isEmpty { groups = [0..<0] }
        let kernel = node.op == .sum ? PH_SUM : node.op == .mean ? PH_MEAN : PH_MAXIMUM
        var (shape, from) = (x.shape, try floats(node.inputs[0]))
        for group in groups.reversed() {
            let reduced = Extent(shape[group])
            let inner = Extent(shape[group.upperBound...]).factor
            shape.removeSubrange(group)
            let to: UnsafeMutablePointer<Float>
            if group == groups[0] {
                to = try floats(Value(index))
            } else {
                let part = Buffer(count: capacity.count(TensorType(shape)))
                keep(part)
                to = part.floats
            }
            let source = from
            emit(node.op.name, over: Extent(shape[...]), grain: 64) { context, range in
                ph_reduce(
                    kernel, source, to, reduced.count(context.sizes), inner, range.lowerBound, range.upperBound)
            }
            from = to
        }
    }

    /// Sums over the tokens of each row.
    private mutating func lowerRows(_ index: Int, _ node: Node) throws(EngineError) {
        guard let start = inputs?.rowStart.ints else { throw EngineError("\(node.op.name) needs the rows of a batch") }
        let width = Extent(type(node.inputs[0]).shape.dropFirst()).factor
        let (x, y) = (try floats(node.inputs[0]), try floats(Value(index)))
        let isMean = node.op == .rowMean
        emit(node.op.name, over: Extent([.rows]), grain: 1) { _, rows in
            for row in rows {
                let tokens = Int(start[row + 1] - start[row])
                // The mean over no tokens is 0, not NaN.
                let kernel = isMean && tokens > 0 ? PH_MEAN : PH_SUM
                ph_reduce(kernel, x + Int(start[row]) * width, y + row * width, tokens, width, 0, width)
            }
        }
    }

    /// The gradient goes to the first of the largest elements.
    private mutating func lowerMaxGradient(_ index: Int, _ node: Node) throws(EngineError) {
        let x = type(node.inputs[0])
        let written = Array(node.attributes.integers.dropFirst())
        let axes = written.isEmpty ? Array(x.shape.indices) : written
        let kept = AxisWalk(x, x.shape.indices.filter { !axes.contains($0) })
        let reduced = AxisWalk(x, axes)
        let (from, dy, dx) = (try floats(node.inputs[0]), try floats(node.inputs[1]), try floats(Value(index)))
        emit(node.op.name, over: kept.extent, grain: 256) { context, range in
            let count = reduced.extent.count(context.sizes)
            for element in range {
                let start = kept.offset(element)
                var best = start
                for k in 0..<count {
                    let place = start + reduced.offset(k)
                    dx[place] = 0
                    if from[place] > from[best] { best = place }
                }
                if count > 0 { dx[best] = dy[element] }
            }
        }
    }
}

/// Some axes of a value, walked in row-major order.
private struct AxisWalk {
    let extent: Extent
    private let sizes: [Int]
    private let strides: [Int]

    init(_ type: TensorType, _ axes: [Int]) {
        extent = Extent(axes.map { type.shape[$0] }[...])
        sizes = axes.map { type.shape[$0].fixed ?? 0 }
        strides = axes.map { Extent(type.shape[($0 + 1)...]).factor }
    }

    /// Where element `index` of these axes lies.
    func offset(_ index: Int) -> Int {
        var (rest, offset) = (index, 0)
        for axis in sizes.indices.dropFirst().reversed() {
            offset += rest % sizes[axis] * strides[axis]
            rest /= sizes[axis]
        }
        // The first axis, which may be a symbol, is what is left.
        return sizes.isEmpty ? 0 : offset + rest * strides[0]
    }
}
