import CPeftPlugin

/// The first callback: which sites are taken, what the whole method owns, what runs before every step.
public struct Plan: Scope {
    /// All sites that match the user's choice, in the model's order.
    public var sites: [SiteInfo] { SiteInfo.all }

    /// A site that is not taken costs nothing.
    public func take(_ site: SiteInfo) { if let index = site.index { _ = host.sites.take(trace, index) } }

    public func takeAll() {
        for index in 0..<max(0, host.sites.count(trace)) { _ = host.sites.take(trace, index) }
    }

    /// A graph that runs once a step, before the model; ``Site/prelude(_:)`` gives its results to every site's forward.
    public func prelude(_ body: () -> [Value]) { withGraph(PEFT_GRAPH_PRELUDE) { body() } }

    /// Asks for a calibration statistic at every site that is taken.
    public func collect(_ statistic: Statistic) {
        guard let calibration = host.calibration else { return failWithoutTable("peft.calibration/1") }
        _ = calibration.collect(trace, statistic.rawValue)
    }

    /// Registers a plain C function where the operators are not enough; see peft_kernel in peft_plugin.h for signatures.
    /// - Parameter vjp: its vector-Jacobian product; without it the kernel has no gradient.
    public func kernel(
        _ name: String, _ signature: String, _ forward: @escaping peft_function,
        vjp: (signature: String, function: peft_function)? = nil, tokenLocal: Bool = false
    ) -> Kernel {
        guard let table = host.kernel else {
            failWithoutTable("peft.kernel/1")
            return Kernel(number: -1)
        }
        var kernel = peft_kernel()
        kernel.struct_size = UInt32(MemoryLayout<peft_kernel>.size)
        kernel.flags = tokenLocal ? PEFT_KERNEL_TOKEN_LOCAL : 0
        kernel.name = immortal(name)
        kernel.signature = immortal(signature)
        kernel.forward = forward
        kernel.vjp_signature = vjp.flatMap { immortal($0.signature) }
        kernel.vjp = vjp?.function
        return Kernel(number: table.add(trace, &kernel))
    }
}

/// What the host can measure at a linear site while the frozen model runs over some data.
public enum Statistic: String, Sendable {
    /// (in, in): the mean of x xᵀ over all tokens x.
    case gram
    /// (in): the mean of x.
    case mean
}

/// A registered kernel.
public struct Kernel: Sendable {
    let number: Int64

    /// A node that calls it, on arrays and scalars in the signature's order; `results` as many as the signature has.
    public func call(_ arrays: [Value], scalars: [Double] = [], results: Int = 1) -> [Value] {
        guard let table = host.kernel else { return Array(repeating: Value(PEFT_FAILED), count: results) }
        let ids = arrays.map(\.plain)
        var more = Array(repeating: PEFT_FAILED, count: results - 1)
        let first = table.call(trace, number, Int32(ids.count), ids, Int32(scalars.count), scalars, &more)
        return [Value(first)] + more.map { Value($0) }
    }
}
