/// What of a forward pass is computed a second time in front of the gradients that ask for it, instead of being kept.
package struct Recomputation: Hashable, Sendable {
    /// Ranges of nodes, none overlapping another.
    package let stretches: [Range<Int>]
    /// How many nodes the forward pass has; those behind are gradients.
    package let forward: Int

    package init(stretches: [Range<Int>], forward: Int) {
        self.stretches = stretches
        self.forward = forward
    }
}

extension Graph {
    /// - Parameters:
    ///   - count: how many stretches are computed twice, all where there are fewer.
    ///   - forward: how many nodes the forward pass has.
    /// - Returns: nil where that is none.
    package func recomputation(_ count: Int, forward: Int) -> Recomputation? {
        let first = count > 0 ? Array(stretches(forward: forward).prefix(count)) : []
        return first.isEmpty ? nil : Recomputation(stretches: first, forward: forward)
    }

    /// The forward pass cut wherever fewest values cross between the first attention and the last: in front of every
    /// attention and every MLP. What saves most memory for its work comes first.
    ///
    /// - Parameter forward: how many nodes the forward pass has; those behind are gradients.
    package func stretches(forward: Int) -> [Range<Int>] {
        let attentions = (0..<forward).filter { nodes[$0].op == .attention }
        guard let first = attentions.first, let last = attentions.last, first < last else { return [] }
        var lastUse = Array(repeating: -1, count: nodes.count)
        for (index, node) in nodes.prefix(forward).enumerated() {
            for input in node.inputs { lastUse[input.node] = index }
        }
        // What crosses in front of each node, in elements of a token.
        var ends = Array(repeating: 0, count: forward + 1)
        var width = 0
        let widths = (0..<forward).map { index in
            width -= ends[index]
            defer {
                if !nodes[index].op.isLeaf, lastUse[index] > index {
                    width += keptWidth(index)
                    ends[lastUse[index] + 1] += keptWidth(index)
                }
            }
            return width
        }
        let least = widths[first...last].min()!
        let cuts = (0..<forward).filter { widths[$0] == least }
        let stretches = zip(cuts, cuts.dropFirst()).map { $0..<$1 }.filter { range in
            range.contains { !nodes[$0].op.isLeaf }
        }
        let worth = stretches.map { range in
            let saved = range.dropLast().reduce(0) { $0 + keptWidth($1) }
            let work = range.reduce(0.0) { $0 + operations(of: nodes[$1]) }
            return Double(saved) / Swift.max(work, 1)
        }
        return stretches.indices.sorted { (worth[$1], $0) < (worth[$0], $1) }.map { stretches[$0] }
    }

    /// Elements of a token in a node's results.
    private func keptWidth(_ index: Int) -> Int {
        nodes[index].results.reduce(0) { $0 + ($1.symbol == .tokens ? $1.fixedCount : 0) }
    }

    /// A graph that keeps less: what some stretches of its forward pass compute, but for what later stretches read, is
    /// computed a second time in front of the gradients that ask for it (Chen et al. 2016, "Training deep nets with sublinear
    /// memory cost"). Random operators draw the same numbers again, so no bit of a result changes.
    package func recomputing(_ recomputation: Recomputation) -> Graph {
        let (stretches, forward) = (recomputation.stretches, recomputation.forward)
        var stretch = Array(repeating: -1, count: nodes.count)
        for (number, range) in stretches.enumerated() {
            for index in range where !nodes[index].op.isLeaf { stretch[index] = number }
        }
        let live = live(from: outputs)
        // What crosses into another stretch of the forward pass is there in any case.
        var crosses = Array(repeating: false, count: nodes.count)
        for output in outputs { crosses[output.node] = true }
        for (index, node) in nodes.prefix(forward).enumerated() where live[index] {
            for input in node.inputs where stretch[input.node] != stretch[index] { crosses[input.node] = true }
        }
        // What gradients ask for, and what that is made of.
        var isAsked = Array(repeating: false, count: nodes.count)
        func ask(_ inputs: [Value], of number: Int?) {
            for input in inputs where stretch[input.node] >= 0 && !crosses[input.node] {
                if number == nil || stretch[input.node] == number { isAsked[input.node] = true }
            }
        }
        for (index, node) in nodes.enumerated().dropFirst(forward) where live[index] { ask(node.inputs, of: nil) }
        for (index, node) in nodes.prefix(forward).enumerated().reversed() where isAsked[index] {
            ask(node.inputs, of: stretch[index])
        }

        var result = Graph()
        var place = Array(repeating: -1, count: nodes.count)
        var isDone = Array(repeating: false, count: stretches.count)
        func append(_ index: Int) {
            var node = nodes[index]
            node.inputs = node.inputs.map { Value(place[$0.node], $0.result) }
            place[index] = result.nodes.count
            result.nodes.append(node)
        }
        for (index, node) in nodes.enumerated() {
            if index >= forward, live[index] {
                for input in node.inputs where isAsked[input.node] && !isDone[stretch[input.node]] {
                    let number = stretch[input.node]
                    isDone[number] = true
                    for index in stretches[number] where isAsked[index] { append(index) }
                }
            }
            append(index)
        }
        result.outputs = outputs.map { Value(place[$0.node], $0.result) }
        return result
    }
}
