import CPeftPlugin
import Formats

/// A foreign configuration while `import_config` reads it.
struct ConfigImport {
    var config: JSON
    var settings: Settings
    /// Full names of the tensors that the adapter holds.
    var tensors: Set<String>
    /// What the plugin did.
    var result = ImportedConfig()
}

/// `peft.config/1`
func configTable() -> peft_config_1 {
    var table = peft_config_1()
    table.struct_size = UInt32(MemoryLayout<peft_config_1>.size)
    table.kind = { t, path in
        switch Trace.at(t)?.field("kind", path) {
        case .bool: PEFT_JSON_BOOLEAN
        case .integer, .number: PEFT_JSON_NUMBER
        case .string: PEFT_JSON_STRING
        case .array: PEFT_JSON_LIST
        case .object: PEFT_JSON_OBJECT
        case .null, nil: PEFT_JSON_NULL
        }
    }
    table.integer = { t, path in Int64(Trace.at(t)?.field("integer", path, "an integer", \.int) ?? 0) }
    table.number = { t, path in Trace.at(t)?.field("number", path, "a number", \.double) ?? 0 }
    table.boolean = { t, path in (Trace.at(t)?.field("boolean", path, "a boolean", \.bool) ?? false) ? 1 : 0 }
    table.string = { t, path in Trace.at(t)?.lend(Trace.at(t)?.field("string", path, "a string", \.string) ?? "") }
    table.count = { t, path in
        Int64(Trace.at(t)?.field("count", path, "a list or object") { $0.array?.count ?? $0.members?.count } ?? 0)
    }
    table.key = { t, path, index in Trace.at(t)?.lend(Trace.at(t)?.key(path, index) ?? "") }
    table.set_integer = { t, name, value in status(t) { $0.setImported("set_integer", name, .integer(value)) } }
    table.set_number = { t, name, value in status(t) { $0.setImported("set_number", name, .number(value)) } }
    table.set_boolean = { t, name, value in status(t) { $0.setImported("set_boolean", name, .bool(value != 0)) } }
    table.set_string = { t, name, value in
        status(t) { trace in
            if let value = trace.text(value, "set_string: the value") {
                trace.setImported("set_string", name, .string(value))
            }
        }
    }
    table.set_pattern = { t, name, pattern, value in status(t) { $0.setPattern(name, pattern, value) } }
    table.has_tensor = { t, name in
        guard let trace = Trace.at(t), trace.isImporting("has_tensor"),
            let name = trace.text(name, "has_tensor: the name")
        else { return 0 }
        return trace.importing?.tensors.contains(name) == true ? 1 : 0
    }
    return table
}

extension Trace {
    fileprivate func isImporting(_ name: String) -> Bool {
        guard error == nil else { return false }
        guard importing != nil, case .importConfig = phase else {
            fail("\(name): only in import_config")
            return false
        }
        return true
    }

    /// The field at that path, or nil.
    fileprivate func field(_ function: String, _ pointer: UnsafePointer<CChar>?) -> JSON? {
        guard isImporting(function), let path = text(pointer, "\(function): the path") else { return nil }
        let parts = path.split(separator: "/").map(String.init)
        if let first = parts.first { importing?.result.seen.insert(first) }
        return parts.reduce(importing?.config) { json, part in
            if let array = json?.array { return Int(part).flatMap { array.indices.contains($0) ? array[$0] : nil } }
            return json?[part]
        }
    }

    fileprivate func field<T>(
        _ function: String, _ pointer: UnsafePointer<CChar>?, _ type: String, _ convert: (JSON) -> T?
    ) -> T? {
        let json = field(function, pointer)
        guard error == nil, let pointer else { return nil }
        guard let value = json.flatMap(convert) else {
            fail(
                "\(function): the field \(String(cString: pointer)) is \(json?.text().prefix(60) ?? "not there"), not \(type)"
            )
            return nil
        }
        return value
    }

    fileprivate func key(_ pointer: UnsafePointer<CChar>?, _ index: Int64) -> String? {
        guard let members = field("key", pointer, "an object", \.members) else { return nil }
        guard let index = Int(exactly: index), members.indices.contains(index) else {
            fail("key: there is no member \(index) of \(members.count)")
            return nil
        }
        return members[index].key
    }

    fileprivate func setImported(_ function: String, _ pointer: UnsafePointer<CChar>?, _ value: JSON) {
        guard isImporting(function), let name = text(pointer, "\(function): the name") else { return }
        do throws(PluginError) {
            guard plugin.hyperparameters.contains(where: { $0.name == name }) else {
                let names = plugin.hyperparameters.map(\.name)
                return fail(
                    "\(function): there is no hyperparameter \"\(name)\"", remedy: suggestion(for: name, among: names))
            }
            let isText =
                value.string != nil && plugin.hyperparameters.contains { $0.name == name && $0.type == .stringList }
            let change = ImportedConfig.Change(name: name, value: isText ? [value] : value)
            try importing?.settings.apply(change)
            importing?.result.changes.append(change)
        } catch {
            fail("\(function): \(error.place): \(error.message)", code: error.code)
        }
    }

    fileprivate func setPattern(_ name: UnsafePointer<CChar>?, _ key: UnsafePointer<CChar>?, _ value: Double) {
        guard isImporting("set_pattern"), let name = text(name, "set_pattern: the name"),
            let key = text(key, "set_pattern: the pattern")
        else { return }
        do throws(PluginError) {
            let change = ImportedConfig.Change(name: name, key: key, value: .number(value))
            try importing?.settings.apply(change)
            importing?.result.changes.append(change)
        } catch {
            fail("set_pattern: \(error.place): \(error.message)", code: error.code)
        }
    }
}
