import Kernels
import Programs

extension Lowering {
    /// cumsum, sort, topK, kthValue. NaN comes last, whatever the order.
    mutating func lowerOrdering(_ index: Int, _ node: Node) throws(EngineError) {
        let x = try floats(node.inputs[0]), y = try floats(Value(index))
        let shape = type(node.inputs[0]).shape
        let lines = Extent(shape.dropLast())
        let width = Extent(shape.suffix(1))
        switch node.op {
        case .cumsum: lowerCumulativeSum(node, x, y)
        case .sort:
            let places = try ints(Value(index, 1))
            let spare = Buffer(count: capacity.count(type(Value(index))))
            keep(spare)
            emit("sort", over: lines, grain: 4) { context, range in
                let count = width.count(context.sizes)
                for line in range {
                    sortPlaces(x + line * count, places + line * count, spare.ints + line * count, count)
                    for place in line * count..<(line + 1) * count { y[place] = x[line * count + Int(places[place])] }
                }
            }
        case .topK:
            let places = try ints(Value(index, 1))
            let k = node.attributes.integers[0]
            emit("topK", over: lines, grain: 4) { context, range in
                let count = width.count(context.sizes)
                for line in range { ph_top_k(x + line * count, count, k, places + line * k, y + line * k) }
            }
        default:
            let k = try floats(node.inputs[1])
            let count = type(node.inputs[0]).fixedCount
            let places = Buffer(count: 2 * count)
            keep(places)
            emit("kthValue", over: Extent([]), grain: 1) { _, _ in
                guard !k[0].isNaN else { return y[0] = .nan }
                sortPlaces(x, places.ints, places.ints + count, count)
                y[0] = x[Int(places.ints[Int(Swift.min(Swift.max(Double(k[0]), 1), Double(count))) - 1])]
            }
        }
    }

    /// Sums are float64 inside.
    private mutating func lowerCumulativeSum(
        _ node: Node, _ x: UnsafeMutablePointer<Float>, _ y: UnsafeMutablePointer<Float>
    ) {
        let shape = type(node.inputs[0]).shape
        let axis = node.attributes.integers[0]
        let length = Extent(shape[axis...axis])
        let inner = Extent(shape[(axis + 1)...]).factor
        let lines = Extent(shape[..<axis] + shape[(axis + 1)...])
        emit("cumsum", over: lines, grain: 256) { context, range in
            let count = length.count(context.sizes)
            for line in range {
                var (place, sum) = (line / inner * count * inner + line % inner, 0.0)
                for _ in 0..<count {
                    sum += Double(x[place])
                    y[place] = Float(sum)
                    place += inner
                }
            }
        }
    }
}

/// The places 0 ..< count of x in the order of its elements, smallest first, equal ones as they stand, NaN last: merges
/// of ever longer runs, between `places` and `spare`.
private func sortPlaces(
    _ x: UnsafePointer<Float>, _ places: UnsafeMutablePointer<Int32>, _ spare: UnsafeMutablePointer<Int32>, _ count: Int
) {
    var (from, to) = (places, spare)
    for place in 0..<count { from[place] = Int32(place) }
    var run = 1
    while run < count {
        for start in stride(from: 0, to: count, by: 2 * run) {
            let middle = Swift.min(start + run, count), end = Swift.min(start + 2 * run, count)
            var (left, right) = (start, middle)
            for place in start..<end {
                let takesRight =
                    right < end && (left == middle || comesBefore(x[Int(from[right])], x[Int(from[left])]))
                to[place] = from[takesRight ? right : left]
                if takesRight { right += 1 } else { left += 1 }
            }
        }
        swap(&from, &to)
        run *= 2
    }
    if from != places { places.update(from: from, count: count) }
}

@inline(__always) private func comesBefore(_ a: Float, _ b: Float) -> Bool { a < b || b.isNaN && !a.isNaN }
