import CPeftPlugin

/// `peft.settings/1`
func settingsTable() -> peft_settings_1 {
    var table = peft_settings_1()
    table.struct_size = UInt32(MemoryLayout<peft_settings_1>.size)
    table.integer = { t, name in
        Trace.at(t)?.setting("integer", name, "an integer") {
            if case .integer(let value) = $0 { Int64(value) } else { nil }
        }
            ?? 0
    }
    table.number = { t, name in
        Trace.at(t)?.setting("number", name, "a number") { if case .number(let value) = $0 { value } else { nil } } ?? 0
    }
    table.boolean = { t, name in
        Trace.at(t)?.setting("boolean", name, "a boolean") {
            if case .boolean(let value) = $0 { value ? 1 : 0 } else { nil }
        }
            ?? 0
    }
    table.string = { t, name in
        let text = Trace.at(t)?.setting("string", name, "a string") {
            if case .string(let value) = $0 { value } else { nil }
        }
        return Trace.at(t)?.lend(text ?? "")
    }
    table.is_null = { t, name in
        Trace.at(t)?.setting("is_null", name, "a value") { $0 == .null ? 1 : 0 } ?? 0
    }
    table.count = { t, name in
        Trace.at(t)?.setting("count", name, "a list") { value in
            switch value {
            case .integers(let list): Int64(list.count)
            case .numbers(let list): Int64(list.count)
            case .strings(let list): Int64(list.count)
            default: nil
            }
        } ?? 0
    }
    table.integer_at = { t, name, index in
        let list = Trace.at(t)?.setting("integer_at", name, "a list of integers") {
            if case .integers(let list) = $0 { list } else { nil }
        }
        return Int64(Trace.at(t)?.element("integer_at", of: list, index) ?? 0)
    }
    table.number_at = { t, name, index in
        let list = Trace.at(t)?.setting("number_at", name, "a list of numbers") {
            if case .numbers(let list) = $0 { list } else { nil }
        }
        return Trace.at(t)?.element("number_at", of: list, index) ?? 0
    }
    table.string_at = { t, name, index in
        let list = Trace.at(t)?.setting("string_at", name, "a list of strings") {
            if case .strings(let list) = $0 { list } else { nil }
        }
        return Trace.at(t)?.lend(Trace.at(t)?.element("string_at", of: list, index) ?? "")
    }
    table.at_site = { t, index in status(t) { $0.readSettings(at: index) } }
    return table
}

extension Trace {
    fileprivate func readSettings(at index: Int64) {
        guard case .method = phase, let settings else { return fail("at_site: only in method") }
        if index == -1 {
            values = settings.values
            return
        }
        guard let site = Int(exactly: index), sites.indices.contains(site) else {
            return fail("at_site: there is no site \(index) of \(sites.count)")
        }
        do throws(PluginError) {
            values = try settings.values(at: sites[site].module)
        } catch {
            fail("at_site: \(error.place): \(error.message)", code: error.code)
        }
    }

    /// A hyperparameter's value as the type that the plugin asks for.
    fileprivate func setting<T>(
        _ function: String, _ pointer: UnsafePointer<CChar>?, _ type: String, _ convert: (HyperparameterValue) -> T?
    ) -> T? {
        guard error == nil, let name = text(pointer, "\(function): the name") else { return nil }
        if case .importConfig = phase {
            fail("\(function): hyperparameters are not resolved before import_config has returned")
            return nil
        }
        guard let value = values[name] else {
            let names = plugin.hyperparameters.map(\.name)
            fail("\(function): there is no hyperparameter \"\(name)\"", remedy: suggestion(for: name, among: names))
            return nil
        }
        guard let result = convert(value) else {
            fail("\(function): the hyperparameter \(name) is \(value.json.text().prefix(60)), not \(type)")
            return nil
        }
        return result
    }

    fileprivate func element<T>(_ function: String, of list: [T]?, _ index: Int64) -> T? {
        guard let list else { return nil }
        guard let index = Int(exactly: index), list.indices.contains(index) else {
            fail("\(function): there is no element \(index) of \(list.count)")
            return nil
        }
        return list[index]
    }
}
