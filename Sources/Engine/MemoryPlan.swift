import Programs

/// Where every value of a graph lives in one arena, planned once for the largest batch.
///
/// A value's place is given to another as soon as its last reader has run. Reshapes share the place of what they
/// reshape, and an element-wise result takes the place of an operand that nobody reads any more.
struct MemoryPlan {
    /// Elements of 4 bytes from the arena's start; nil for values that live elsewhere (leaves) .
    private(set) var offsets: [Value: Int] = [:]
    private(set) var count = 0

    /// - Parameters:
    ///   - placed: which nodes compute something into the arena (not leaves bound elsewhere, not products that another
    ///     instruction makes on the way).
    init(_ graph: Graph, capacity: Sizes, isPlaced: (Int) -> Bool) {
        var lastUse = Array(repeating: -1, count: graph.nodes.count)
        var root = Array(graph.nodes.indices)
        for (index, node) in graph.nodes.enumerated() where isPlaced(index) {
            if node.op.sharesOperand, isPlaced(node.inputs[0].node), node.inputs[0].result == 0 {
                root[index] = root[node.inputs[0].node]
            }
            for input in node.inputs { lastUse[root[input.node]] = Swift.max(lastUse[root[input.node]], index) }
            lastUse[root[index]] = Swift.max(lastUse[root[index]], index)
        }
        for output in graph.outputs { lastUse[root[output.node]] = graph.nodes.count }
        var dying: [Int: [Int]] = [:]
        for index in graph.nodes.indices where root[index] == index { dying[lastUse[index], default: []].append(index) }

        var free = FreeList()
        var held: [Int: [(offset: Int, size: Int)]] = [:]
        for (index, node) in graph.nodes.enumerated() {
            if isPlaced(index) {
                if root[index] != index {
                    offsets[Value(index)] = offsets[Value(root[index])]
                } else {
                    var places: [(offset: Int, size: Int)] = []
                    for (result, type) in node.results.enumerated() {
                        let size = (capacity.count(type) + 15) / 16 * 16
                        if result == 0,
                            let operand = node.overwritable.first(where: { input in
                                input.result == 0 && root[input.node] == input.node && lastUse[input.node] == index
                                    && graph.type(input).shape == type.shape && held[input.node]?.count == 1
                            })
                        {
                            places.append(held.removeValue(forKey: operand.node)![0])
                        } else {
                            places.append((free.take(size), size))
                        }
                        offsets[Value(index, result)] = places[result].offset
                    }
                    held[index] = places
                }
            }
            for dead in dying[index] ?? [] {
                for place in held.removeValue(forKey: dead) ?? [] { free.give(place.offset, place.size) }
            }
        }
        count = free.end
    }
}

extension Operator {
    /// Its result is its operand, read with another shape.
    var sharesOperand: Bool { self == .reshape || self == .stopGradient }
}

extension Node {
    /// The operands in whose place its kernel may write.
    fileprivate var overwritable: [Value] {
        if op == .matmul { return Array(inputs.dropFirst(2)) }
        return op.isUnary || op.isBinary || [.dropout, .rope, .unaryGradient].contains(op) ? inputs : []
    }
}

/// Free stretches of an arena that grows at its end: first fit, neighbours joined.
private struct FreeList {
    private(set) var end = 0
    private var stretches: [(offset: Int, size: Int)] = []

    mutating func take(_ size: Int) -> Int {
        guard size > 0 else { return 0 }
        if let best = stretches.indices.filter({ stretches[$0].size >= size }).min(by: {
            stretches[$0].size < stretches[$1].size
        }) {
            let offset = stretches[best].offset
            stretches[best].offset += size
            stretches[best].size -= size
            if stretches[best].size == 0 { stretches.remove(at: best) }
            return offset
        }
        if let last = stretches.last, last.offset + last.size == end {
            stretches.removeLast()
            end = last.offset + size
            return last.offset
        }
        defer { end += size }
        return end
    }

    mutating func give(_ offset: Int, _ size: Int) {
        guard size > 0 else { return }
        let index = stretches.firstIndex { $0.offset > offset } ?? stretches.count
        stretches.insert((offset, size), at: index)
        if index + 1 < stretches.count, offset + size == stretches[index + 1].offset {
            stretches[index].size += stretches.remove(at: index + 1).size
        }
        if index > 0, stretches[index - 1].offset + stretches[index - 1].size == offset {
            stretches[index - 1].size += stretches.remove(at: index).size
        }
    }
}
