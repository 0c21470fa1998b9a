import CPeftPlugin
import PluginKernels
import Programs

/// `peft.kernel/1`
func kernelTable() -> peft_kernel_1 {
    var table = peft_kernel_1()
    table.struct_size = UInt32(MemoryLayout<peft_kernel_1>.size)
    table.add = { t, kernel in Trace.at(t)?.add(kernel) ?? -1 }
    table.call = { t, kernel, count, arrays, scalarCount, scalars, more in
        guard let trace = Trace.at(t),
            let arrays = trace.list("call", Int64(count), arrays, atMost: Int64(KernelSignature.maximumArguments)),
            let scalars = trace.list(
                "call", Int64(scalarCount), scalars, atMost: Int64(KernelSignature.maximumArguments))
        else { return failedValue }
        return trace.call(kernel, arrays, scalars, more)
    }
    return table
}

extension Trace {
    /// - Returns: the kernel's number, or -1.
    fileprivate func add(_ pointer: UnsafePointer<peft_kernel>?) -> Int64 {
        guard error == nil else { return -1 }
        guard case .plan = phase else {
            fail("add: kernels are registered in plan only")
            return -1
        }
        guard plugin.capabilities.contains(.kernels) else {
            fail("add: the plugin does not say that it uses kernels", remedy: "claim PEFT_USES_KERNELS")
            return -1
        }
        do throws(PluginError) {
            let memory = PluginMemory(place: plugin.id)
            let raw = try memory.read(peft_kernel.self, at: UnsafeRawPointer(pointer), "peft_kernel")
            let name = try memory.string(raw.name, "peft_kernel.name")
            guard raw.flags & ~PEFT_KERNEL_TOKEN_LOCAL == 0 else {
                fail("add: the kernel \(name) has flags that this host does not know", code: .incompatible)
                return -1
            }
            guard (raw.vjp_signature == nil) == (raw.vjp == nil), let forward = raw.forward else {
                throw memory.fail("peft_kernel \(name) has no forward, or of vjp and vjp_signature one only")
            }
            let signature = try memory.string(raw.signature, "peft_kernel.signature")
            let vjp = try raw.vjp_signature.map { text throws(PluginError) in
                try memory.string(text, "peft_kernel.vjp_signature")
            }
            let isTokenLocal = raw.flags & PEFT_KERNEL_TOKEN_LOCAL != 0
            return try add(name, signature, forward, vjp, raw.vjp, isTokenLocal: isTokenLocal)
        } catch {
            fail("add: \(error.message)", remedy: error.remedy)
            return -1
        }
    }

    private func add(
        _ name: String, _ signature: String, _ forward: @escaping peft_function, _ vjpSignature: String?,
        _ vjp: peft_function?, isTokenLocal: Bool
    ) throws(PluginError) -> Int64 {
        do throws(ProgramError) {
            let kernel = try Kernel(
                plugin: plugin.id, name: name, signature: signature, vjpSignature: vjpSignature,
                isTokenLocal: isTokenLocal)
            guard !kernels.contains(where: { $0.kernel.name == name }) else {
                throw ProgramError("a kernel is named \(name) already")
            }
            var product: KernelFunction?
            if let vjp, let signature = kernel.vjpSignature { product = try KernelFunction(signature, vjp) }
            let functions = KernelFunctions(forward: try KernelFunction(kernel.signature, forward), vjp: product)
            kernels.append((kernel, functions))
            return Int64(kernels.count - 1)
        } catch {
            throw PluginError(.broken, error.message, place: plugin.id)
        }
    }

    fileprivate func call(
        _ number: Int64, _ arrays: [peft_value], _ scalars: [Double], _ more: UnsafeMutablePointer<peft_value>?
    ) -> peft_value {
        guard graph(for: "call") != nil else { return failedValue }
        guard let number = Int(exactly: number), kernels.indices.contains(number) else {
            fail("call: there is no kernel \(number) of \(kernels.count)")
            return failedValue
        }
        let kernel = kernels[number].kernel
        let first = apply("call", arrays) { $0.call(kernel, $1, scalars: scalars) }
        for index in kernel.signature.results.indices.dropFirst() {
            let result = laterResult(index, of: first)
            more?[index - 1] = result
        }
        return first
    }

    /// Tries every kernel as the method's graphs call it, and lets the engine know those that stood it.
    func checkKernels() throws(PluginError) {
        var tried: Set<Node> = []
        for graph in program.graphs {
            for node in graph.nodes where node.op == .call {
                let operands = node.inputs.map(graph.type)
                // One of a kind: the operands' types and known values tell.
                var kind = node
                kind.inputs = []
                let integers = graph.integers(of: node)
                kind.results += operands
                guard integers.isEmpty ? tried.insert(kind).inserted : true else { continue }
                do throws(ProgramError) {
                    let kernel = try Kernel(node.attributes)
                    guard let functions = kernels.first(where: { $0.kernel == kernel })?.functions else { continue }
                    try KernelCheck(node, operands: operands, functions, integers: integers).run()
                } catch {
                    throw PluginError(.broken, error.message, place: plugin.id)
                }
            }
        }
        for (kernel, functions) in kernels { KernelFunctions.register(kernel, functions) }
    }
}

extension Graph {
    /// The i32 operands of a call whose values follow from constants alone, by operand.
    fileprivate func integers(of node: Node) -> [Int: [Int32]] {
        var result: [Int: [Int32]] = [:]
        for (index, input) in node.inputs.enumerated() where type(input).dtype == .i32 {
            let part = Graph(nodes: nodes, outputs: [input])
            let value = try? Evaluator.run(part) { leaf throws(ProgramError) in
                throw ProgramError("\(leaf.op.name) is not known")
            }
            result[index] = value?[0].values.map { Int32(clamping: Int($0)) }
        }
        return result
    }
}
