import Programs
import Synchronization

/// The functions of a kernel.
package struct KernelFunctions: Sendable {
    package let forward: KernelFunction
    package let vjp: KernelFunction?

    package init(forward: KernelFunction, vjp: KernelFunction?) {
        self.forward = forward
        self.vjp = vjp
    }

    package subscript(function: Kernel.Function) -> KernelFunction? { function == .forward ? forward : vjp }

    // MARK: Of this process

    /// What plugins brought. Their libraries stay mapped as long as the process, and so do the functions.
    private static let known = Mutex<[Kernel: KernelFunctions]>([:])

    /// Makes a kernel known to the engine; of one that is known already the functions are replaced.
    package static func register(_ kernel: Kernel, _ functions: KernelFunctions) {
        known.withLock { $0[kernel] = functions }
    }

    /// nil where the plugin's library is not loaded.
    package static func of(_ kernel: Kernel) -> KernelFunctions? { known.withLock { $0[kernel] } }
}
