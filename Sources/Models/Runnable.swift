import Engine
import Programs

extension MethodProgram {
    /// Refuses a method of which this host would leave out a part: nothing is ever ignored silently.
    ///
    /// - Throws: `EngineError` that names the part.
    func checkRunnable() throws(EngineError) {
        for (name, isThere) in [("a prelude", prelude != nil)] where isThere {
            throw EngineError("\(method) has \(name), which this host does not run yet; it needs a newer one")
        }
    }
}
