/// Checks a method that was not traced here: that everything refers to something that is there, and has its shape.
extension MethodProgram {
    package func verify() throws(ProgramError) {
        var verified: Set<Scoped> = []
        try verifyNamesAndSizes()
        if let kernel = kernels.first(where: { $0.plugin != method }) {
            throw ProgramError("the kernel \(kernel.name) is one of \(kernel.plugin), and the method \(method)")
        }
        let preludeTypes = try verifyWhole(&verified)
        for site in sites { try verify(site, preludeTypes, &verified) }
        _ = try rowPrefix()
        try verifyMaps(&verified)
        try verifyWork()
    }

    private struct Scoped: Hashable {
        var graph: Int
        var scope: GraphBuilder.Scope
    }

    /// All tensors as whole-method graphs number them.
    private var allTensors: [TensorDeclaration] { tensors + sites.flatMap(\.tensors) }

    /// Verifies a graph: its operators, and that its leaves are what they stand for.
    ///
    /// - Parameters:
    ///   - parameter: the type of the tensor of that number; nil where there is none.
    ///   - argument: the type of the operand of that number.
    ///   - site: where its `site` leaves and `base` stand.
    ///   - isInit: whether it is an init graph, which may look at what the frozen model keeps of a text.
    private func graph(
        _ index: Int, _ place: String, _ verified: inout Set<Scoped>, scope: GraphBuilder.Scope = .parameters,
        parameter: (Int) -> TensorType?, argument: (Int) -> TensorType? = { _ in nil }, site: SiteDescription? = nil,
        isInit: Bool = false
    ) throws(ProgramError) -> Graph {
        guard graphs.indices.contains(index) else { throw ProgramError("\(place): there is no graph \(index)") }
        let graph = graphs[index]
        if verified.insert(Scoped(graph: index, scope: scope)).inserted {
            do throws(ProgramError) {
                try graph.verify(scope: scope)
            } catch {
                throw ProgramError("\(place): \(error.message)")
            }
        }
        for node in graph.nodes {
            let expected: TensorType?
            switch node.op {
            case .parameter: expected = parameter(node.attributes.integers[0])
            case .argument: expected = argument(node.attributes.integers[0])
            case .site: expected = site.flatMap { $0.type(of: SiteValue(rawValue: node.attributes.integers[0])) }
            case .base, .project, .attend, .tableRows:
                expected = site?.fits(node, in: graph) == true ? node.type : nil
            case .textCache: expected = isInit ? node.type : nil
            default: continue
            }
            guard node.type == expected else {
                let wanted = expected.map { "is \($0.name) there" } ?? "is not there"
                throw ProgramError(
                    "\(place): \(node.op.name) \(node.attributes.integers.first ?? 0) \(wanted), not \(node.type.name)")
            }
        }
        return graph
    }

    private func check(
        _ assignment: Assignment, _ place: String, _ tensors: [TensorDeclaration], _ graph: Graph
    ) throws(ProgramError) {
        guard assignment.targets.count == graph.outputs.count, Set(assignment.targets).count == assignment.targets.count
        else { throw ProgramError("\(place): \(assignment.targets.count) targets for \(graph.outputs.count) results") }
        for (target, output) in zip(assignment.targets, graph.outputs) {
            guard tensors.indices.contains(target), tensors[target].type == graph.type(output) else {
                throw ProgramError("\(place): a result of \(graph.type(output).name) does not fit tensor \(target)")
            }
        }
    }

    private func verifyNamesAndSizes() throws(ProgramError) {
        struct Place: Hashable {
            var module: String
            var kind: SiteKind
        }
        var places: Set<Place> = []
        for site in sites where !places.insert(Place(module: site.site.module, kind: site.site.kind)).inserted {
            throw ProgramError("\(site.site.module): the method stands there twice")
        }
        var names: Set<String> = []
        var total = 0
        for (name, tensor) in storedTensors {
            guard names.insert(name).inserted else { throw ProgramError("two tensors are named \(name)") }
            guard tensor.type.symbol == nil, (0...1e6).contains(tensor.learningRateMultiplier) else {
                throw ProgramError("the tensor \(name) is \(tensor.type.name)")
            }
            guard let count = tensor.type.checkedCount, count <= ShapeRule.maximumCount - total else {
                throw ProgramError("the tensor \(name), \(tensor.type.name), makes the method too large")
            }
            total += count
        }
    }

    private func verifyWhole(_ verified: inout Set<Scoped>) throws(ProgramError) -> [TensorType] {
        let all = allTensors
        let own = { [tensors] (number: Int) in tensors.indices.contains(number) ? tensors[number].type : nil }
        let any = { (number: Int) in all.indices.contains(number) ? all[number].type : nil }
        if let initialize {
            let graph = try graph(initialize.graph, "init", &verified, parameter: own, isInit: true)
            try check(initialize, "init", tensors, graph)
        }
        var preludeTypes: [TensorType] = []
        if let prelude {
            let graph = try graph(prelude, "prelude", &verified, parameter: own)
            preludeTypes = graph.outputs.map(graph.type)
        }
        if let regularizer {
            let graph = try graph(regularizer, "regularizer", &verified, parameter: any)
            guard graph.outputs.map(graph.type) == [.scalar] else { throw ProgramError("regularizer: is no scalar") }
        }
        if let update {
            let gradient = { (number: Int) in
                all.indices.contains(number) && all[number].isTrained ? all[number].type : nil
            }
            let graph = try graph(update.graph, "update", &verified, parameter: any, argument: gradient)
            try check(update, "update", all, graph)
        }
        return preludeTypes
    }

    private func verify(
        _ program: SiteProgram, _ preludeTypes: [TensorType], _ verified: inout Set<Scoped>
    ) throws(ProgramError) {
        let site = program.site
        let tensor = { [tensors] (number: Int) -> TensorType? in
            let (list, place) =
                number < Self.methodTensors ? (program.tensors, number) : (tensors, number - Self.methodTensors)
            return list.indices.contains(place) ? list[place].type : nil
        }
        let operands = site.forwardOperands
        let forward = try graph(
            program.forward, "forward at \(site.module)", &verified, scope: .tokenLocal, parameter: tensor,
            argument: { number in
                let result = number - Self.preludeResults
                if preludeTypes.indices.contains(result) { return preludeTypes[result] }
                return operands.indices.contains(number) ? operands[number] : nil
            }, site: site)
        guard forward.outputs.count == 1 else {
            throw ProgramError("forward at \(site.module): \(forward.outputs.count) results")
        }
        if let refusal = site.refusal(ofResult: forward.type(forward.outputs[0])) {
            throw ProgramError("forward at \(site.module): \(refusal)")
        }
        let bases = site.mergeTypes
        if case .graph(let index) = program.merge {
            let graph = try graph(
                index, "merge at \(site.module)", &verified, parameter: tensor,
                argument: { bases.indices.contains($0) ? bases[$0] : nil }, site: site)
            guard !graph.outputs.isEmpty, bases.starts(with: graph.outputs.map(graph.type)) else {
                throw ProgramError("merge at \(site.module): its results are not the base's")
            }
        }
        if let initialize = program.initialize {
            let graph = try graph(
                initialize.graph, "init at \(site.module)", &verified, parameter: tensor, site: site, isInit: true)
            try check(initialize, "init at \(site.module)", program.tensors, graph)
        }
    }

    private func verifyMaps(_ verified: inout Set<Scoped>) throws(ProgramError) {
        let all = allTensors
        let any = { (number: Int) in all.indices.contains(number) ? all[number].type : nil }
        if let map = exportMap {
            let graph = try graph(map.graph, "export", &verified, parameter: any)
            func type(_ output: Int) -> TensorType? {
                graph.outputs.indices.contains(output) ? graph.type(graph.outputs[output]) : nil
            }
            for tensor in map.tensors {
                let shape = type(tensor.output)?.shape
                let isMasked = tensor.mask.map { mask in
                    shape?.indices.contains(mask.axis) == true && type(mask.output)?.shape == [shape![mask.axis]]
                }
                guard shape != nil, isMasked != false else { throw ProgramError("export: \(tensor.name) is not there") }
            }
            for field in map.fields {
                if case .output(let output, _) = field.source, type(output).map({ $0.rank <= 1 }) != true {
                    throw ProgramError("export: the field \(field.path) is no number or list")
                }
            }
        }
        if let map = importMap {
            guard graphs.indices.contains(map.assignment.graph) else {
                throw ProgramError("import: there is no such graph")
            }
            // A stored tensor has whatever fixed shape the graph gives it; the file is compared with it later.
            var stored: [Int: TensorType] = [:]
            for node in graphs[map.assignment.graph].nodes where node.op == .argument && node.type.symbol == nil {
                let number = node.attributes.integers[0]
                if map.names.indices.contains(number), stored[number] == nil { stored[number] = node.type }
            }
            let graph = try graph(map.assignment.graph, "import", &verified, parameter: any, argument: { stored[$0] })
            try check(map.assignment, "import", all, graph)
        }
    }
}
