/// What the graphs at a site take and give, by the kind of site.
extension SiteDescription {
    private var line: TensorType { TensorType([.tokens, Dim(outputs)]) }

    /// The operands of a forward graph.
    package var forwardOperands: [TensorType] {
        func heads(_ count: Int) -> TensorType { TensorType([.tokens, Dim(count), Dim(headSize)]) }
        return switch kind {
        case .linear: [TensorType([.tokens, Dim(inputs)])]
        case .embedding: [TensorType([.tokens], .i32)]
        case .attention: [heads(headCount), heads(keyHeadCount), heads(keyHeadCount), line]
        case .block: [line, line]
        case .prompt, .weight: []
        }
    }

    /// The result of a forward graph; nil at a prompt, whose length (T, hidden) is the plugin's choice.
    package var forwardResult: TensorType? {
        switch kind {
        case .linear, .embedding, .block: line
        case .attention: forwardOperands[0]
        case .weight: type(of: .weight)
        case .prompt: nil
        }
    }

    /// Why a forward graph cannot have this result; nil where it can.
    package func refusal(ofResult type: TensorType) -> String? {
        if let expected = forwardResult {
            return type == expected ? nil : "the result is \(type.name); the site gives \(expected.name)"
        }
        let isPrompt = type.dtype == .f32 && type.rank == 2 && type.shape[1] == Dim(outputs)
        guard isPrompt, let tokens = type.shape[0].fixed, (1...SiteDescription.mostVirtualTokens).contains(tokens)
        else {
            return "the result is \(type.name); a prompt is f32[T,\(outputs)], T from 1 to "
                + "\(SiteDescription.mostVirtualTokens)"
        }
        return nil
    }

    /// The most virtual tokens, or keys in front of a row.
    package static let mostVirtualTokens = 1 << 16

    /// What a merge graph takes and gives: W and, where there is one, b; the table; the tensor.
    package var mergeTypes: [TensorType] {
        switch kind {
        case .linear, .embedding, .weight: [type(of: .weight), type(of: .bias)].compactMap { $0 }
        case .prompt, .attention, .block: []
        }
    }

    /// The base's tensors at the site: of a layer its weight and, where there is one, its bias.
    package var tensorNames: [String] {
        switch kind {
        case .linear: [module + ".weight"] + (hasBias ? [module + ".bias"] : [])
        case .weight: [module]
        default: [module + ".weight"]
        }
    }

    /// The path of the module whose tensor stands there.
    package var baseModule: String {
        kind == .weight ? module.split(separator: ".").dropLast().joined(separator: ".") : module
    }

    /// Whether a tensor of a method there stands for the base's own, whose name it bears.
    package func isCopy(_ tensor: TensorDeclaration) -> Bool {
        tensor.name == "weight" && (kind == .weight || kind == .embedding)
    }

    /// The type of what a graph reads of the frozen site; nil where it has none.
    package func type(of value: SiteValue?) -> TensorType? {
        switch (value, kind) {
        case (.weight, .weight), (.originalWeight, .weight): TensorType(shape.map { Dim($0) })
        case (.weight, .linear), (.originalWeight, .linear): TensorType([Dim(outputs), Dim(inputs)])
        case (.weight, .embedding), (.originalWeight, .embedding): TensorType([Dim(inputs), Dim(outputs)])
        case (.bias, .linear): hasBias ? TensorType([Dim(outputs)]) : nil
        case (.rowNorms, .linear): TensorType([Dim(outputs)])
        case (.columnNorms, .linear): TensorType([Dim(inputs)])
        case (.columnNorms, .embedding): TensorType([Dim(outputs)])
        default: nil
        }
    }

    /// The sizes (in, out) of a frozen projection at an attention site.
    package func sizes(of projection: Projection) -> (inputs: Int, outputs: Int) {
        let (queries, keys) = (headCount * headSize, keyHeadCount * headSize)
        return switch projection {
        case .query: (outputs, queries)
        case .key, .value: (outputs, keys)
        case .output: (queries, outputs)
        }
    }

    /// Whether a node that calls the frozen site fits it.
    func fits(_ node: Node, in graph: Graph) -> Bool {
        let inner = graph.type(node.inputs[0]).shape.last
        let integers = node.attributes.integers
        switch node.op {
        case .base: return kind == .linear && integers[0] == outputs && inner == Dim(inputs)
        case .project:
            guard kind == .attention, let projection = Projection(rawValue: integers[0]) else { return false }
            let sizes = sizes(of: projection)
            return inner == Dim(sizes.inputs) && integers[1] == sizes.outputs
        case .attend:
            let q = graph.type(node.inputs[0]).shape, k = graph.type(node.inputs[1]).shape
            return kind == .attention && Array(q.dropFirst()) == [Dim(headCount), Dim(headSize)]
                && Array(k.suffix(2)) == [Dim(keyHeadCount), Dim(headSize)]
        case .tableRows: return (kind == .embedding || kind == .prompt) && integers[0] == outputs
        default: return false
        }
    }
}

/// What a method puts in front of every row.
package struct RowPrefix: Hashable, Sendable {
    /// Virtual tokens, which run through the model.
    package var tokens = 0
    /// Positions that are taken by keys and values alone.
    package var keys = 0

    package init(tokens: Int = 0, keys: Int = 0) {
        self.tokens = tokens
        self.keys = keys
    }

    package var count: Int { tokens + keys }
}

extension MethodProgram {
    /// What every row must bring, by name: (R, …).
    package var rowInputs: [String: TensorType] {
        let leaves = graphs.flatMap { graph in graph.nodes.filter { $0.op == .rowInput } }
        return Dictionary(leaves.map { ($0.attributes.text, $0.type) }) { first, _ in first }
    }

    /// What stands in front of every row: the prompt's length, and how many more keys its attentions see.
    ///
    /// - Throws: where two attentions see different numbers: all tokens then would have two positions.
    package func rowPrefix() throws(ProgramError) -> RowPrefix {
        var prefix = RowPrefix()
        for site in sites where graphs.indices.contains(site.forward) {
            let graph = graphs[site.forward]
            if site.site.kind == .prompt, let output = graph.outputs.first, graph.contains(output) {
                prefix.tokens += graph.type(output).shape.first?.fixed ?? 0
            }
            for node in graph.nodes where node.op == .attend && node.inputs.count == 5 {
                let shape = graph.type(node.inputs[3]).shape
                let count = shape.count >= 3 ? shape[shape.count - 3].fixed ?? 0 : 0
                guard prefix.keys == 0 || prefix.keys == count else {
                    throw ProgramError("\(site.site.module): \(count) keys in front of a row, \(prefix.keys) elsewhere")
                }
                prefix.keys = count
            }
        }
        guard prefix.count <= SiteDescription.mostVirtualTokens else {
            throw ProgramError("\(prefix.count) virtual tokens; at most \(SiteDescription.mostVirtualTokens)")
        }
        return prefix
    }
}
