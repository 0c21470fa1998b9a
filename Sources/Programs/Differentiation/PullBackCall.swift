extension GraphBuilder {
    /// A kernel's own vector-Jacobian product: it gives the gradients of all f32 operands, wanted or not.
    func callPullBack(_ node: Node, _ incoming: [Value?]) -> [Value?] {
        do throws(ProgramError) {
            let kernel = try Kernel(node.attributes)
            guard node.attributes.integers[0] == Kernel.Function.forward.rawValue, let vjp = kernel.vjpSignature else {
                throw ProgramError("the kernel \(kernel.name) of \(kernel.plugin) has no vector-Jacobian product")
            }
            let cotangents = zip(node.results, incoming).filter { $0.0.dtype == .f32 }.map { type, dy in
                dy ?? broadcast(constant(0), type.shape)
            }
            let numbers = Dictionary(
                zip(kernel.signature.scalars, node.attributes.scalars), uniquingKeysWith: { first, _ in first })
            let gradient = append(
                .call, node.inputs + cotangents,
                kernel.attributes(.vjp, scalars: vjp.scalars.compactMap { numbers[$0] }))
            var next = 0
            return node.inputs.map { input in
                guard type(input).dtype == .f32, gradient != .none else { return nil }
                defer { next += 1 }
                return Value(gradient.node, next)
            }
        } catch {
            fail(error.message)
            return node.inputs.map { _ in nil }
        }
    }
}
