import PluginKernels
import Programs

extension Lowering {
    /// One tile: a plugin's function is called once for the whole batch, by whichever thread takes it, with arrays that
    /// begin at multiples of 64 bytes. It is called for an empty batch too: its other results must be written.
    mutating func lowerCall(_ index: Int, _ node: Node) throws(EngineError) {
        let run: KernelRun
        do throws(ProgramError) {
            let call = try KernelCall(node.attributes, operands: node.inputs.map(type))
            guard let function = KernelFunctions.of(call.kernel)?[call.function] else {
                throw ProgramError(
                    "the kernel \(call.kernel.name) is code of the plugin \(call.kernel.plugin), whose library is not "
                        + "loaded")
            }
            run = try KernelRun(call, function, capacity: capacity)
        } catch {
            throw EngineError(error.message)
        }
        var (operands, results): ([UnsafeMutableRawPointer], [UnsafeMutableRawPointer]) = ([], [])
        for input in node.inputs { operands.append(try aligned(input)) }
        for result in node.results.indices { results.append(try pointer(Value(index, result))) }
        emit("call \(run.call.kernel.name)", tiles: { _ in 1 }) { [operands, results] context, _, _ in
            run.run(operands: operands, results: results, sizes: context.sizes)
        }
    }

    /// A value at a multiple of 64 bytes: tensors of a file or of the store are copied first where they are not.
    private mutating func aligned(_ value: Value) throws(EngineError) -> UnsafeMutableRawPointer {
        let from = try pointer(value)
        guard Int(bitPattern: from) % 64 != 0 else { return from }
        let copy = Buffer(count: capacity.count(type(value)))
        keep(copy)
        emit("copy", over: extent(value), grain: 1 << 14) { _, range in
            (copy.raw + range.lowerBound * 4).copyMemory(from: from + range.lowerBound * 4, byteCount: range.count * 4)
        }
        return copy.raw
    }
}
