import Engine
import Programs

extension MethodProgram {
    /// Refuses a method of which this host would leave out a part: nothing is ever ignored silently.
    ///
    /// - Throws: `EngineError` that names the part.
    func checkRunnable() throws(EngineError) {
        let parts: [(String, Bool)] = [
            ("a regularizer", regularizer != nil), ("an update", update != nil),
            ("tensors of its own form", exportMap.map { !$0.tensors.isEmpty } ?? false),
            (
                "config fields that are computed",
                exportMap?.fields.contains { if case .output = $0.source { true } else { false } } ?? false
            ),
            ("config fields inside others", exportMap?.fields.contains { $0.path.contains("/") } ?? false),
            ("an import graph", importMap != nil),
        ]
        for (name, isThere) in parts where isThere {
            throw EngineError("\(method) has \(name), which this host does not run yet; it needs a newer one")
        }
    }
}
