import CPeftPlugin
import Programs

/// `peft.trace/1`
func traceTable() -> peft_trace_1 {
    var table = peft_trace_1()
    table.struct_size = UInt32(MemoryLayout<peft_trace_1>.size)
    table.fail = { t, message in
        if let trace = Trace.at(t), let message = trace.text(message, "fail: its message") {
            trace.fail(message, code: .declined)
        }
        return PEFT_ERROR
    }
    table.warn = { t, message in
        if let trace = Trace.at(t), let message = trace.text(message, "warn: its message") {
            trace.warnings.append("\(trace.plugin.id): \(message)")
        }
    }
    table.failed = { t in Trace.at(t)?.error == nil ? 0 : 1 }
    return table
}

/// `peft.model/1`
func modelTable() -> peft_model_1 {
    var table = peft_model_1()
    table.struct_size = UInt32(MemoryLayout<peft_model_1>.size)
    table.size = { t, which in
        guard let trace = Trace.at(t) else { return 0 }
        let model = trace.model
        let sizes = [
            model.layers, model.hiddenSize, model.intermediateSize, model.heads, model.keyHeads, model.headSize,
            model.vocabulary, model.context, trace.labels,
        ]
        guard sizes.indices.contains(Int(which)) else {
            trace.fail("size: the model has no size number \(which)")
            return 0
        }
        return Int64(sizes[Int(which)])
    }
    table.type = { t in Trace.at(t).flatMap { $0.lend($0.model.type) } }
    table.task = { t in Trace.at(t).flatMap { $0.lend($0.task) } }
    return table
}

/// `peft.sites/1`
func sitesTable() -> peft_sites_1 {
    var table = peft_sites_1()
    table.struct_size = UInt32(MemoryLayout<peft_sites_1>.size)
    table.count = { t in
        guard let trace = Trace.at(t), trace.seesSites("count") else { return 0 }
        return Int64(trace.sites.count)
    }
    table.get = { t, index, site in
        guard let trace = Trace.at(t), trace.seesSites("get") else { return PEFT_ERROR }
        return trace.describe(index, into: site) ? PEFT_OK : PEFT_ERROR
    }
    table.take = { t, index in
        guard let trace = Trace.at(t) else { return PEFT_ERROR }
        return trace.take(index) ? PEFT_OK : PEFT_ERROR
    }
    return table
}

extension Trace {
    fileprivate func seesSites(_ name: String) -> Bool {
        switch phase {
        case .plan, .inject, .method: return error == nil
        default:
            fail("\(name): there are no sites in \(phase.name)")
            return false
        }
    }

    fileprivate func describe(_ index: Int64, into pointer: UnsafeMutablePointer<peft_site>?) -> Bool {
        guard let pointer else {
            fail("get: the pointer is NULL")
            return false
        }
        guard let index = Int(exactly: index), sites.indices.contains(index) else {
            fail("get: there is no site \(index) of \(sites.count)")
            return false
        }
        let (size, known) = (Int(pointer.pointee.struct_size), MemoryLayout<peft_site>.size)
        guard (peft_site.sizeInABI1...4096).contains(size) else {
            fail("get: peft_site.struct_size is \(size), not \(known)", remedy: "set it to sizeof(peft_site)")
            return false
        }
        let target = UnsafeMutableRawBufferPointer(start: pointer, count: size)
        for place in target.indices { target[place] = 0 }
        withUnsafeBytes(of: describe(sites[index], size: size)) {
            target.copyMemory(from: .init(rebasing: $0.prefix(size)))
        }
        return true
    }

    /// A site as the plugin sees it; its name lives until the callback returns.
    func describe(_ site: SiteDescription, size: Int = MemoryLayout<peft_site>.size) -> peft_site {
        var result = peft_site()
        result.struct_size = UInt32(size)
        result.kind = Int32(site.kind.rawValue)
        result.role = Int32(site.role.rawValue)
        result.layer = Int32(site.layer)
        result.name = lend(site.module)
        result.inputs = Int64(site.inputs)
        result.outputs = Int64(site.outputs)
        result.heads = Int64(site.headCount)
        result.key_heads = Int64(site.keyHeadCount)
        result.head_size = Int64(site.headSize)
        result.has_bias = site.hasBias ? 1 : 0
        result.rank = Int32(site.shape.count)
        withUnsafeMutableBytes(of: &result.shape) { bytes in
            let sizes = bytes.bindMemory(to: Int64.self)
            for (axis, size) in site.shape.prefix(sizes.count).enumerated() { sizes[axis] = Int64(size) }
        }
        return result
    }

    fileprivate func take(_ index: Int64) -> Bool {
        guard error == nil else { return false }
        guard case .plan = phase else {
            fail("take: sites are taken in plan only")
            return false
        }
        guard let index = Int(exactly: index), sites.indices.contains(index) else {
            fail("take: there is no site \(index) of \(sites.count)")
            return false
        }
        taken.insert(index)
        return true
    }
}
