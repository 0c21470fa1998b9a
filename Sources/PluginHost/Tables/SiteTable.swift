import CPeftPlugin
import Programs

/// `peft.site/1`
func siteTable() -> peft_site_1 {
    var table = peft_site_1()
    table.struct_size = UInt32(MemoryLayout<peft_site_1>.size)
    table.base = { t, v in
        guard let trace = Trace.at(t), let site = trace.site("base", [.linear], in: [.forward, .merge, .initialize])
        else {
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
    table.weight = { t in read(t, "weight", .weight, [.linear, .weight]) }
    table.original_weight = { t in read(t, "original_weight", .originalWeight, [.linear, .weight], in: [.initialize]) }
    table.bias = { t in read(t, "bias", .bias, [.linear]) }
    table.row_norms = { t in read(t, "row_norms", .rowNorms, [.linear]) }
    table.column_norms = { t in read(t, "column_norms", .columnNorms, [.linear]) }
    table.table_rows = { t, _ in unavailable(t, "table_rows", at: "embedding and prompt") }
    table.text_ids = { t, _ in unavailable(t, "text_ids", at: "prompt") }
    table.text_cache = { t, _, _, _ in unavailable(t, "text_cache", at: "prompt") }
    table.project = { t, _, _ in unavailable(t, "project", at: "attention") }
    table.attend = { t, _, _, _, _, _ in unavailable(t, "attend", at: "attention") }
    table.attend_set = { t, _, _, _ in unavailable(t, "attend_set", at: "attention") }
    table.statistic = { t, _ in
        Trace.at(t)?.notRunYet("statistic (calibration)")
        return failedValue
    }
    return table
}

/// Functions of kinds of sites that no trace offers yet, so that they are always called at the wrong place.
private func unavailable(_ t: OpaquePointer?, _ name: String, at kinds: String) -> peft_value {
    Trace.at(t)?.fail("\(name): only at \(kinds) sites")
    return failedValue
}

/// A constant of the frozen site.
private func read(
    _ t: OpaquePointer?, _ name: String, _ value: SiteValue, _ kinds: Set<SiteKind>,
    in graphs: Set<GraphKind> = [.forward, .merge, .initialize]
) -> peft_value {
    guard let trace = Trace.at(t), let site = trace.site(name, kinds, in: graphs) else { return failedValue }
    guard let type = site.type(of: value) else {
        trace.fail("\(name): this site has none", remedy: "look at peft_site.has_bias first")
        return failedValue
    }
    return trace.apply(name, []) { graph, _ in graph.site(value, type) }
}

extension Trace {
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
