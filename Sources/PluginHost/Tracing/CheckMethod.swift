import Formats
import Programs

extension MethodProgram {
    /// Whether it is a method of that plugin, something is trained, and everything that is trained has an effect.
    func check(isMethodOf plugin: PluginDescription) throws(PluginError) {
        func fail(_ message: String, remedy: String = "") -> PluginError {
            PluginError(.broken, message, place: plugin.id, remedy: remedy)
        }
        guard method == plugin.id, peftType == plugin.mainPeftType, version == plugin.version,
            isWithoutHead == plugin.capabilities.contains(.noHead)
        else { throw fail("its program calls itself \(method.quoted) (\(peftType.quoted)), version \(version.quoted)") }
        guard kernels.isEmpty || plugin.capabilities.contains(.kernels) else {
            throw fail("its program calls kernels, which it does not claim to bring")
        }
        var used: Set<Int> = []
        for graph in [prelude, regularizer].compactMap({ $0 }) { used.formUnion(graphs[graph].parameters) }
        var first = tensors.count
        for site in sites {
            for number in graphs[site.forward].parameters {
                used.insert(number < Self.methodTensors ? first + number : number - Self.methodTensors)
            }
            first += site.tensors.count
        }
        let named =
            tensors.map { ($0, "the method") }
            + sites.flatMap { site in site.tensors.map { ($0, site.site.module) } }
        for (number, (tensor, owner)) in named.enumerated() where tensor.isTrained && !used.contains(number) {
            throw fail(
                "the parameter \"\(tensor.name)\" of \(owner) is used in no forward, prelude or regularizer graph",
                remedy: "use it, declare it frozen or make it a buffer")
        }
        do throws(ProgramError) {
            _ = try rowPrefix()
        } catch {
            throw fail(error.message)
        }
        guard named.contains(where: { $0.0.isTrained }) else {
            throw fail("trains nothing: none of its sites declared a parameter")
        }
    }
}

extension Graph {
    /// The numbers of its parameter leaves.
    fileprivate var parameters: Set<Int> {
        Set(nodes.filter { $0.op == .parameter }.map { $0.attributes.integers[0] })
    }
}
