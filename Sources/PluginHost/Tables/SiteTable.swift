import CPeftPlugin
import Programs

/// `peft.site/1`
func siteTable() -> peft_site_1 {
    var table = peft_site_1()
    table.struct_size = UInt32(MemoryLayout<peft_site_1>.size)
    table.base = { t, v in
        guard let trace = Trace.at(t), let site = trace.site("base", [.linear], in: frozenGraphs) else {
            return failedValue
        }
        return trace.apply("base", [v]) { graph, operands in
            let size = graph.type(operands[0]).shape.last
            guard size == Dim(site.inputs) else {
                return graph.fail("base: takes (…, \(site.inputs)), not \(graph.type(operands[0]).name)")
            }
            return graph.base(operands[0], outputs: site.outputs)
        }
    }
    table.weight = { t in read(t, "weight", .weight, [.linear, .embedding, .weight]) }
    table.original_weight = { t in
        read(t, "original_weight", .originalWeight, [.linear, .embedding, .weight], in: [.initialize])
    }
    table.bias = { t in read(t, "bias", .bias, [.linear]) }
    table.row_norms = { t in read(t, "row_norms", .rowNorms, [.linear]) }
    table.column_norms = { t in read(t, "column_norms", .columnNorms, [.linear, .embedding]) }
    table.table_rows = { t, ids in
        guard let trace = Trace.at(t), let site = trace.site("table_rows", [.embedding, .prompt], in: frozenGraphs)
        else {
            return failedValue
        }
        return trace.apply("table_rows", [ids]) { $0.tableRows($1[0], hiddenSize: site.outputs) }
    }
    table.project = { t, number, v in Trace.at(t)?.project(number, v) ?? failedValue }
    table.attend = { t, q, k, v, moreKeys, moreValues in
        guard let trace = Trace.at(t), trace.site("attend", [.attention], in: [.forward]) != nil else {
            return failedValue
        }
        if moreKeys == absentValue, moreValues == absentValue {
            return trace.apply("attend", [q, k, v]) { $0.attend($1[0], $1[1], $1[2]) }
        }
        return trace.apply("attend", [q, k, v, moreKeys, moreValues]) {
            $0.attend($1[0], $1[1], $1[2], more: ($1[3], $1[4]))
        }
    }
    table.attend_set = { t, q, keys, values in
        guard let trace = Trace.at(t), trace.site("attend_set", [.attention], in: [.forward]) != nil else {
            return failedValue
        }
        return trace.apply("attend_set", [q, keys, values]) { $0.attend($1[0], overSet: $1[1], $1[2]) }
    }
    table.text_ids = { t, text, count in
        Trace.at(t)?.textIDs("text_ids", text, count) { $1 } ?? failedValue
    }
    table.text_cache = { t, text, count, layer, which in
        guard let trace = Trace.at(t) else { return failedValue }
        let model = trace.model
        guard (0..<Int64(model.layers)).contains(layer), which == 0 || which == 1 else {
            trace.fail("text_cache: layer \(layer) of \(model.layers), or neither keys (0) nor values (1)")
            return failedValue
        }
        return trace.textIDs("text_cache", text, count) {
            $0.textCache(
                $1, layer: Int(layer), values: which == 1, keyHeads: model.keyHeads, headSize: model.headSize)
        }
    }
    table.statistic = { t, _ in
        Trace.at(t)?.notRunYet("statistic (calibration)")
        return failedValue
    }
    return table
}

/// Where a graph may look at the frozen site.
private let frozenGraphs: Set<GraphKind> = [.forward, .merge, .initialize]

/// A constant of the frozen site.
private func read(
    _ t: OpaquePointer?, _ name: String, _ value: SiteValue, _ kinds: Set<SiteKind>,
    in graphs: Set<GraphKind> = frozenGraphs
) -> peft_value {
    guard let trace = Trace.at(t), let site = trace.site(name, kinds, in: graphs) else { return failedValue }
    guard let type = site.type(of: value) else {
        trace.fail("\(name): this site has none", remedy: "look at peft_site.has_bias first")
        return failedValue
    }
    return trace.apply(name, []) { graph, _ in graph.site(value, type) }
}

extension Trace {
    fileprivate func project(_ number: Int32, _ v: peft_value) -> peft_value {
        guard let site = site("project", [.attention], in: frozenGraphs) else { return failedValue }
        guard let projection = Projection(rawValue: Int(number)) else {
            fail("project: there is no projection \(number)")
            return failedValue
        }
        let sizes = site.sizes(of: projection)
        return apply("project", [v]) { graph, operands in
            guard graph.type(operands[0]).shape.last == Dim(sizes.inputs) else {
                return graph.fail("project: takes (…, \(sizes.inputs)), not \(graph.type(operands[0]).name)")
            }
            return graph.project(projection, operands[0], outputs: sizes.outputs)
        }
    }

    /// What `use` makes of a text's ids, which become a constant of the graph.
    fileprivate func textIDs(
        _ name: String, _ pointer: UnsafePointer<CChar>?, _ count: Int64, _ use: (GraphBuilder, Value) -> Value
    ) -> peft_value {
        guard let graph = graph(for: name), let text = text(pointer, "\(name): the text") else { return failedValue }
        var isPrompt = false
        if case .inject(let index) = phase { isPrompt = sites[index].kind == .prompt }
        guard graph.kind == .initialize || name == "text_ids" && isPrompt && graph.kind == .forward else {
            fail("\(name): only in init graphs" + (name == "text_ids" ? " and a prompt's forward" : ""))
            return failedValue
        }
        guard (0...Int64(SiteDescription.mostVirtualTokens)).contains(count) else {
            fail("\(name): a count of \(count); it must be from 0 to \(SiteDescription.mostVirtualTokens)")
            return failedValue
        }
        let ids: [Int32]
        do {
            ids = try tokenize(text)
        } catch {
            fail("\(name): \(error)", code: .unsupported)
            return failedValue
        }
        guard !ids.isEmpty, ids.count <= SiteDescription.mostVirtualTokens else {
            fail(
                "\(name): the text has \(ids.count) tokens; from 1 to \(SiteDescription.mostVirtualTokens) are needed",
                code: .setting)
            return failedValue
        }
        let wanted = (0..<(count > 0 ? Int(count) : ids.count)).map { Double(ids[$0 % ids.count]) }
        return apply(name, []) { graph, _ in
            use(graph, graph.constant(wanted, shape: [wanted.count], dtype: .i32))
        }
    }

    /// The site at which inject stands, where the function and the open graph fit it.
    fileprivate func site(_ name: String, _ kinds: Set<SiteKind>, in graphs: Set<GraphKind>) -> SiteDescription? {
        guard let graph = graph(for: name) else { return nil }
        guard case .inject(let index) = phase else {
            fail("\(name): only in inject")
            return nil
        }
        guard kinds.contains(sites[index].kind) else {
            fail("\(name): not at a \(sites[index].kind.name) site")
            return nil
        }
        guard graphs.contains(graph.kind) else {
            fail("\(name): only in \(graphs.map(\.name).sorted().joined(separator: ", ")) graphs")
            return nil
        }
        return sites[index]
    }
}
