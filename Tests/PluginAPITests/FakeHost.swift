import CPeftPlugin

/// A host whose tables write every call into ``Recording/current``.
enum FakeHost {
    nonisolated(unsafe) static let pointer: UnsafePointer<peft_host> = {
        var host = peft_host()
        host.struct_size = UInt32(MemoryLayout<peft_host>.size)
        host.abi_version = PEFT_ABI_VERSION
        host.abi_oldest = 1
        host.name = immortal("a host for tests")
        host.table = { _, id in FakeHost.tables[string(id)] }
        return UnsafePointer(immortal(host))
    }()

    nonisolated(unsafe) static var tables: [String: UnsafeRawPointer] = [
        "peft.trace/1": table(trace()), "peft.settings/1": table(settings()), "peft.model/1": table(model()),
        "peft.sites/1": table(sites()), "peft.parameters/1": table(parameters()), "peft.graphs/1": table(graphs()),
        "peft.site/1": table(site()), "peft.ops/1": table(operators()), "peft.export/1": table(export()),
    ]

    /// In C's layout, its size in front.
    static func table<Table>(_ table: Table) -> UnsafeRawPointer {
        let pointer = UnsafeMutableRawPointer(immortal(table))
        pointer.storeBytes(of: UInt32(MemoryLayout<Table>.size), as: UInt32.self)
        return UnsafeRawPointer(pointer)
    }

    private static func trace() -> peft_trace_1 {
        var table = peft_trace_1()
        table.fail = { _, message in
            Recording.current.errors.append(string(message))
            return PEFT_ERROR
        }
        table.failed = { _ in Recording.current.errors.isEmpty ? 0 : 1 }
        return table
    }

    private static func settings() -> peft_settings_1 {
        var table = peft_settings_1()
        table.integer = { _, name in Int64(Recording.current.numbers[string(name)]!) }
        table.number = { _, name in Recording.current.numbers[string(name)]! }
        table.boolean = { _, name in Int32(Recording.current.numbers[string(name)]!) }
        table.string = { _, name in immortal(Recording.current.strings[string(name)]!) }
        table.is_null = { _, name in Recording.current.nulls.contains(string(name)) ? 1 : 0 }
        table.count = { _, name in Int64(Recording.current.lists[string(name)]!.count) }
        table.integer_at = { _, name, index in Int64(Recording.current.lists[string(name)]![Int(index)]) }
        table.number_at = { _, name, index in Recording.current.lists[string(name)]![Int(index)] }
        return table
    }

    private static func model() -> peft_model_1 {
        var table = peft_model_1()
        table.size = { _, which in [2, 32, 64, 4, 2, 8, 100, 512, 2][Int(which)] }
        table.type = { _ in immortal("llama") }
        table.task = { _ in immortal("SEQ_CLS") }
        return table
    }

    private static func sites() -> peft_sites_1 {
        var table = peft_sites_1()
        table.count = { _ in Int64(Recording.current.sites.count) }
        table.get = { _, index, site in
            site!.pointee = Recording.current.sites[Int(index)]
            return PEFT_OK
        }
        table.take = { _, index in note("take", index) }
        return table
    }

    private static func parameters() -> peft_parameters_1 {
        func declare(_ what: String, _ tensor: peft_tensor) -> peft_value {
            let shape = array(tensor.shape, tensor.rank)
            let value = make(
                what, string(tensor.name), shape, tensor.dtype, tensor.`init`, tensor.init_a, tensor.init_b,
                Int(tensor.flags), tensor.learning_rate_multiplier)
            Recording.current.shapes[value] = shape
            return value
        }
        var table = peft_parameters_1()
        table.parameter = { _, tensor in declare("parameter", tensor!.pointee) }
        table.buffer = { _, tensor in declare("buffer", tensor!.pointee) }
        table.site_count = { _ in Int64(Recording.current.sites.count) }
        table.of_site = { _, index, name in make("of_site", index, string(name)) }
        table.of_method = { _, name in make("of_method", string(name)) }
        return table
    }

    private static func graphs() -> peft_graphs_1 {
        var table = peft_graphs_1()
        table.begin = { _, graph in note("begin", graph) }
        table.operand = { _, index in make("operand", index) }
        table.end = { _, count, results in note("end", array(results, count)) }
        table.set = { _, parameter, value in note("set", parameter, value) }
        table.gradient = { _, parameter in make("gradient", parameter) }
        table.prelude = { _, index in make("prelude", index) }
        table.not_mergeable = { _, reason in note("not_mergeable", string(reason)) }
        table.rank = { _, value in Int32(Recording.current.shapes[value]?.count ?? 2) }
        table.size = { _, value, axis in Recording.current.shapes[value]?[Int(axis)] ?? 0 }
        return table
    }

    private static func site() -> peft_site_1 {
        var table = peft_site_1()
        table.base = { _, v in make("base", v) }
        table.weight = { _ in make("weight") }
        table.row_norms = { _ in make("row_norms") }
        table.text_ids = { _, text, count in make("text_ids", string(text), count) }
        table.table_rows = { _, ids in make("table_rows", ids) }
        table.project = { _, projection, v in make("project", projection, v) }
        table.attend = { _, q, k, v, moreKeys, moreValues in make("attend", q, k, v, moreKeys, moreValues) }
        table.attend_set = { _, q, keys, values in make("attend_set", q, keys, values) }
        return table
    }

    private static func operators() -> peft_ops_1 {
        var table = peft_ops_1()
        table.neg = { _, x in make("neg", x) }
        table.silu = { _, x in make("silu", x) }
        table.tanh = { _, x in make("tanh", x) }
        table.floor = { _, x in make("floor", x) }
        table.add = { _, a, b in make("add", a, b) }
        table.sub = { _, a, b in make("sub", a, b) }
        table.mul = { _, a, b in make("mul", a, b) }
        table.div = { _, a, b in make("div", a, b) }
        table.maximum = { _, a, b in make("maximum", a, b) }
        table.less_equal = { _, a, b in make("less_equal", a, b) }
        table.where = { _, condition, a, b in make("where", condition, a, b) }
        table.matmul = { _, a, b, transposeA, transposeB in make("matmul", a, b, transposeA, transposeB) }
        table.sum = { _, x, count, axes, keep in make("sum", x, array(axes, count), keep) }
        table.norm = { _, x, count, axes, keep in make("norm", x, array(axes, count), keep) }
        table.reshape = { _, x, rank, shape in make("reshape", x, array(shape, rank)) }
        table.transpose = { _, x, rank, order in make("transpose", x, array(order, rank)) }
        table.slice = { _, x, axis, start, end in make("slice", x, axis, start, end) }
        table.concat = { _, count, values, axis in make("concat", array(values, count), axis) }
        table.gather = { _, table, indices in make("gather", table, indices) }
        table.scalar = { _, value in make("scalar", value) }
        table.constant = { _, dtype, rank, shape, values in
            let shape = array(shape, rank)
            return make("constant", dtype, shape, array(values, shape.reduce(1, *)))
        }
        table.iota = { _, count in make("iota", count) }
        table.dropout = { _, x, probability in make("dropout", x, probability) }
        table.kth_value = { _, x, k in make("kth_value", x, k) }
        table.step = { _ in make("step") }
        table.svd = { _, a, s, vt in
            let u = make("svd", a)
            s!.pointee = make("svd.s", u)
            vt!.pointee = make("svd.vt", u)
            return u
        }
        return table
    }

    private static func export() -> peft_export_1 {
        var table = peft_export_1()
        table.tensor = { _, name, value in note("tensor", string(name), value) }
        table.tensor_masked = { _, name, value, axis, mask in note("tensor_masked", string(name), value, axis, mask) }
        table.field = { _, path, json in note("field", string(path), string(json)) }
        table.field_from = { _, path, value, asBoolean in note("field_from", string(path), value, asBoolean) }
        table.stored = { _, name, rank, shape in make("stored", string(name), array(shape, rank)) }
        return table
    }
}
