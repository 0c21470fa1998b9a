import CPeftPlugin
import Programs

/// `peft.graphs/1`
func graphsTable() -> peft_graphs_1 {
    var table = peft_graphs_1()
    table.struct_size = UInt32(MemoryLayout<peft_graphs_1>.size)
    table.begin = { t, graph in status(t) { $0.begin(graph) } }
    table.operand = { t, index in Trace.at(t)?.operand(index) ?? failedValue }
    table.end = { t, count, results in status(t) { $0.end(count, results) } }
    table.set = { t, parameter, value in status(t) { $0.set(parameter, value) } }
    table.gradient = { t, parameter in Trace.at(t)?.gradient(parameter) ?? failedValue }
    table.prelude = { t, index in Trace.at(t)?.preludeResult(index) ?? failedValue }
    table.not_mergeable = { t, reason in status(t) { $0.refuseMerge(reason) } }
    table.rank = { t, value in Int32(Trace.at(t)?.type(value, "rank")?.rank ?? 0) }
    table.size = { t, value, axis in
        guard let shape = Trace.at(t)?.type(value, "size")?.shape, shape.indices.contains(Int(axis)) else { return 0 }
        return Int64(shape[Int(axis)].code)
    }
    return table
}

/// Runs a function of a table that returns PEFT_OK or PEFT_ERROR.
func status(_ t: OpaquePointer?, _ body: (Trace) -> Void) -> Int32 {
    guard let trace = Trace.at(t), trace.error == nil else { return PEFT_ERROR }
    body(trace)
    return trace.error == nil ? PEFT_OK : PEFT_ERROR
}

extension Trace {
    fileprivate func begin(_ number: Int32) {
        guard let kind = GraphKind(rawValue: number) else { return fail("begin: there is no graph number \(number)") }
        if let openGraph {
            return fail("begin: the \(openGraph.kind.name) graph is still open", remedy: "end it first")
        }
        if kind == .calibrate { return notRunYet("a calibrate graph") }
        guard kind.isAllowed(in: phase) else { return fail("begin: no \(kind.name) graph in \(phase.name)") }
        guard begun.insert(number).inserted else { return fail("begin: a second \(kind.name) graph") }
        if kind == .merge, case .inject(let index) = phase, sites[index].mergeTypes.isEmpty {
            return fail(
                "begin: nothing can be merged at a \(sites[index].kind.name) site", remedy: "call not_mergeable")
        }
        if kind == .merge, site.merge != nil { return fail("begin: a merge graph after not_mergeable") }
        openGraph = OpenGraph(kind: kind, space: newSpace())
    }

    /// The operands of forward and merge graphs at the site, as the header lists them.
    private func operands(of kind: GraphKind) -> [TensorType] {
        guard case .inject(let index) = phase else { return [] }
        let site = sites[index]
        switch kind {
        case .forward: return site.forwardOperands
        case .merge: return site.mergeTypes
        default: return []
        }
    }

    fileprivate func operand(_ index: Int64) -> peft_value {
        guard let graph = graph(for: "operand") else { return failedValue }
        let operands = operands(of: graph.kind)
        guard let index = Int(exactly: index), operands.indices.contains(index) else {
            fail("operand: there is no operand \(index) of \(operands.count) here")
            return failedValue
        }
        return issue(graph.builder.argument(index, operands[index]), in: graph)
    }

    fileprivate func set(_ parameter: peft_value, _ value: peft_value) {
        guard let graph = graph(for: "set") else { return }
        guard graph.kind.setsTensors else { return fail("set: only in init, update and import graphs") }
        guard let target = tensor(parameter, "set") else { return }
        if case .inject = phase, target.site == nil {
            return fail("set: \(tensors.declaration(target).name) is the method's; set it in plan's init graph")
        }
        let node = node(value, "set", in: graph)
        guard error == nil else { return }
        let (declared, given) = (tensors.declaration(target), graph.builder.type(node))
        guard given == declared.type else {
            return fail("set: \(declared.name) is \(declared.type.name), the value \(given.name)")
        }
        guard !graph.assignments.contains(where: { $0.target == target }) else {
            return fail("set: \(declared.name) is set twice")
        }
        graph.assignments.append((target, node))
    }

    fileprivate func gradient(_ parameter: peft_value) -> peft_value {
        guard let graph = graph(for: "gradient") else { return failedValue }
        guard graph.kind == .update else {
            fail("gradient: only in update graphs")
            return failedValue
        }
        guard let target = tensor(parameter, "gradient") else { return failedValue }
        let declared = tensors.declaration(target)
        guard declared.isTrained else {
            fail("gradient: \(declared.name) is not trained")
            return failedValue
        }
        return issue(graph.builder.argument(tensors.number(target), declared.type), in: graph)
    }

    fileprivate func preludeResult(_ index: Int64) -> peft_value {
        guard let graph = graph(for: "prelude") else { return failedValue }
        guard graph.kind == .forward, let index = Int(exactly: index), preludeTypes.indices.contains(index) else {
            fail("prelude: there is no result \(index) of \(preludeTypes.count) here")
            return failedValue
        }
        return issue(graph.builder.argument(MethodProgram.preludeResults + index, preludeTypes[index]), in: graph)
    }

    fileprivate func refuseMerge(_ reason: UnsafePointer<CChar>?) {
        guard case .inject = phase, openGraph == nil, site.merge == nil else {
            return fail("not_mergeable: only in inject, outside of graphs, and in place of a merge graph")
        }
        if let reason = text(reason, "not_mergeable: the reason") { site.merge = .refused(reason: reason) }
    }

    // MARK: The end of a graph

    fileprivate func end(_ count: Int64, _ pointer: UnsafePointer<peft_value>?) {
        guard let graph = graph(for: "end"), let results = list("end", count, pointer, atMost: 4096) else { return }
        guard graph.kind.resultCounts.contains(count) else {
            return fail(
                "end: \(count) results; it has \(graph.kind.resultCounts.lowerBound) to \(graph.kind.resultCounts.upperBound)"
            )
        }
        var outputs: [Value] = []
        for (index, result) in results.enumerated() {
            // A merge may leave W or b as it was.
            let isAbsent = graph.kind == .merge && result == absentValue
            if !isAbsent {
                outputs.append(node(result, "end", in: graph))
            } else if index == 0, let weight = operands(of: .merge).first {
                outputs.append(graph.builder.argument(0, weight))
            }
        }
        guard error == nil else { return }
        let types = outputs.map(graph.builder.type)
        checkResults(of: graph.kind, types)
        guard error == nil else { return }
        do throws(ProgramError) {
            try store(graph, outputs, types)
            if error == nil { openGraph = nil }
        } catch {
            fail("end: \(error.message)")
        }
    }

    private func checkResults(of kind: GraphKind, _ types: [TensorType]) {
        func expect(_ types: [TensorType], _ expected: [TensorType], _ what: String) {
            for (type, expected) in zip(types, expected) where type != expected {
                fail("end: the result is \(type.name); \(what) \(expected.name)")
            }
        }
        switch (kind, phase) {
        case (.forward, .inject(let index)):
            if let refusal = sites[index].refusal(ofResult: types[0]) { fail("end: \(refusal)") }
        case (.merge, .inject(let index)):
            let expected = sites[index].mergeTypes
            if types.count > expected.count { return fail("end: a bias for a site without one") }
            expect(types, expected, "the base's is")
        case (.regularizer, _): expect(types, [.scalar], "a regularizer is")
        default: break
        }
    }

    private func store(_ graph: OpenGraph, _ outputs: [Value], _ types: [TensorType]) throws(ProgramError) {
        switch graph.kind {
        case .forward: site.forward = program.add(try graph.builder.finish(outputs))
        case .merge: site.merge = .graph(program.add(try graph.builder.finish(outputs)))
        case .regularizer: program.regularizer = program.add(try graph.builder.finish(outputs))
        case .prelude:
            program.prelude = program.add(try graph.builder.finish(outputs))
            preludeTypes = types
        case .initialize:
            let assignment = try assignment(of: graph)
            if case .inject = phase { site.initialize = assignment } else { program.initialize = assignment }
        case .update: program.update = try assignment(of: graph)
        case .importing:
            program.importMap = ImportMap(names: graph.stored, assignment: try assignment(of: graph))
        case .export: program.exportMap = try exportMap(of: graph)
        case .calibrate: break
        }
    }

    private func assignment(of graph: OpenGraph) throws(ProgramError) -> Assignment {
        guard !graph.assignments.isEmpty else { throw ProgramError("nothing was set") }
        let isOfSite = if case .inject = phase { true } else { false }
        return Assignment(
            graph: program.add(try graph.builder.finish(graph.assignments.map(\.value))),
            targets: graph.assignments.map { isOfSite ? $0.target.index : tensors.number($0.target) })
    }
}
