import CPeftPlugin

/// The `adapter_config.json` of other software, and the hyperparameters that follow from it. Members of a path, and positions
/// in lists, are separated by `/`. Fields with a hyperparameter's name and type are set already; one whose value is not allowed
/// must be set to another. A field that is not there, or of another type, is an error.
public struct Config {
    public enum Kind: Int32, Sendable {
        /// Also: not there.
        case null = 0
        case boolean, number, string, list, object
    }

    private func table() -> peft_config_1? {
        if host.config == nil { failWithoutTable("peft.config/1") }
        return host.config
    }

    public func kind(_ path: String) -> Kind { table().flatMap { Kind(rawValue: $0.kind(trace, path)) } ?? .null }
    public func integer(_ path: String) -> Int { table().map { Int($0.integer(trace, path)) } ?? 0 }
    public func number(_ path: String) -> Double { table().map { $0.number(trace, path) } ?? 0 }
    public func boolean(_ path: String) -> Bool { table().map { $0.boolean(trace, path) != 0 } ?? false }
    public func string(_ path: String) -> String { text(table()?.string(trace, path)) }

    /// The elements of a list.
    public func count(_ path: String) -> Int { table().map { Int($0.count(trace, path)) } ?? 0 }
    /// The names of an object's members, in the file's order.
    public func keys(_ path: String) -> [String] {
        (0..<max(0, count(path))).map { text(table()?.key(trace, path, Int64($0))) }
    }

    public func set(_ hyperparameter: String, to value: Int) {
        _ = table()?.set_integer(trace, hyperparameter, Int64(value))
    }
    public func set(_ hyperparameter: String, to value: Double) {
        _ = table()?.set_number(trace, hyperparameter, value)
    }
    public func set(_ hyperparameter: String, to value: Bool) {
        _ = table()?.set_boolean(trace, hyperparameter, value ? 1 : 0)
    }
    /// Of a list of texts: one of it alone.
    public func set(_ hyperparameter: String, to value: String) {
        _ = table()?.set_string(trace, hyperparameter, value)
    }
    /// A per-site hyperparameter at the modules that the pattern, a regular expression, matches.
    public func set(_ hyperparameter: String, at pattern: String, to value: Double) {
        _ = table()?.set_pattern(trace, hyperparameter, pattern, value)
    }

    /// The frozen model.
    public var model: Model { Model() }

    /// Notes an error in the method's own words; the first one is what the user reads.
    public func fail(_ message: String) { _ = host.trace.fail(trace, message) }

    /// Whether the adapter holds a tensor of this full name.
    public func hasTensor(_ name: String) -> Bool { table().map { $0.has_tensor(trace, name) != 0 } ?? false }
}
