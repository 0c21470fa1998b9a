import Foundation
import Programs

extension MethodProgram {
    /// Whether a method that was traced somewhere can stand in this model.
    ///
    /// - Throws: `ModelError` where a site is not one of the model's (the method would not be run there, and nobody would
    ///   see it), a tensor is named like the head, or the tensors cannot be in this machine's memory.
    func check(fits model: Model, _ task: Task) throws(ModelError) {
        func fail(_ message: String) -> ModelError { ModelError("the method \(method) \(message)", place: model.path) }
        let known = Set(model.configuration.sites(for: task) + model.configuration.copySites(for: task))
        for site in sites.map(\.site) where !known.contains(site) {
            throw fail("stands at \(site.module) (\(site.inputs) → \(site.outputs)), which the model does not have")
        }
        var bytes = 0
        for (name, tensor) in storedTensors {
            guard !["base_model.model.score.weight", "base_model.score.weight"].contains(name) else {
                throw fail("has a tensor named like the head, \(name)")
            }
            bytes += (tensor.type.checkedCount ?? 1 << 34) * 4
        }
        guard bytes <= ProcessInfo.processInfo.physicalMemory else {
            throw fail("has tensors of \(bytes) bytes, more than the memory of this machine")
        }
    }
}
