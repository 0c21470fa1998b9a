/// A function that a plugin brings (`peft.kernel/1`), by name: what a `call` node holds and what an adapter stores. The
/// function itself is in the plugin's library.
package struct Kernel: Hashable, Sendable {
    /// The plugin's id.
    package let plugin: String
    package let name: String
    package let signature: KernelSignature
    /// Of the vector-Jacobian product: the operands of ``signature``, then the gradients of its f32 results → the gradients of
    /// its f32 operands. nil: no gradient.
    package let vjpSignature: KernelSignature?
    /// Treats every token by itself.
    package let isTokenLocal: Bool

    /// - Throws: `ProgramError` where the name or a signature is malformed, or the two signatures do not belong together.
    package init(
        plugin: String, name: String, signature: String, vjpSignature: String?, isTokenLocal: Bool
    ) throws(ProgramError) {
        self.plugin = plugin
        self.name = name
        self.isTokenLocal = isTokenLocal
        let isName = name.utf8.allSatisfy { byte in (0x21...0x7E).contains(byte) && byte != UInt8(ascii: "\"") }
        guard (1...64).contains(name.utf8.count), isName else {
            throw ProgramError("\(name.debugDescription) is no name of a kernel: 1 to 64 letters, digits and signs")
        }
        do throws(ProgramError) {
            self.signature = try KernelSignature(signature)
            if let vjpSignature {
                self.vjpSignature = try KernelSignature(vjpSignature)
            } else {
                self.vjpSignature = nil
            }
        } catch {
            throw ProgramError("the kernel \(name): \(error.message)")
        }
        try checkVJP()
        guard text.utf8.count <= CodingLimits().text else {
            throw ProgramError(
                "the kernel \(name): its names and signatures have more than \(CodingLimits().text) bytes")
        }
    }

    private func checkVJP() throws(ProgramError) {
        guard let vjp = vjpSignature else { return }
        func expect(
            _ what: String, _ found: [KernelSignature.Array], _ wanted: [KernelSignature.Array]
        ) throws(ProgramError) {
            let (found, wanted) = (found.map(\.name), wanted.map(\.name))
            guard found != wanted else { return }
            throw ProgramError(
                "the kernel \(name): its vjp has the \(what) \(found.joined(separator: ", ")); they must be "
                    + (wanted.isEmpty ? "none" : wanted.joined(separator: ", ")))
        }
        let (operands, results) = (signature.operands, signature.results)
        try expect("operands", vjp.operands, operands + results.filter { $0.dtype == .f32 })
        try expect("results", vjp.results, operands.filter { $0.dtype == .f32 })
        if let other = vjp.scalars.first(where: { !signature.scalars.contains($0) }) {
            throw ProgramError("the kernel \(name): its vjp takes \(other), which the kernel does not")
        }
    }

    // MARK: In a node

    /// Which of the two functions a node calls.
    package enum Function: Int, Hashable, Sendable {
        case forward = 0, vjp
    }

    private var text: String {
        [plugin, name, signature.text, vjpSignature?.text ?? ""].joined(separator: "\n")
    }

    /// What a `call` node holds: which function, whether the kernel is token-local; the scalars; the rest as text.
    package func attributes(_ function: Function, scalars: [Double]) -> Attributes {
        Attributes(integers: [function.rawValue, isTokenLocal ? 1 : 0], scalars: scalars, text: text)
    }

    /// The way back from ``attributes(_:scalars:)``.
    package init(_ attributes: Attributes) throws(ProgramError) {
        let lines = attributes.text.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
        let integers = attributes.integers
        guard lines.count == 4, integers.count == 2, (0...1).contains(integers[0]), (0...1).contains(integers[1]) else {
            throw ProgramError("call: what it holds is no kernel")
        }
        try self.init(
            plugin: lines[0], name: lines[1], signature: lines[2], vjpSignature: lines[3].isEmpty ? nil : lines[3],
            isTokenLocal: integers[1] == 1)
    }
}

/// A kernel's function on operands of known types: what the sizes and arguments of its signature are.
package struct KernelCall: Hashable, Sendable {
    package let kernel: Kernel
    package let function: Kernel.Function
    package let signature: KernelSignature
    /// By the name of a size.
    package private(set) var sizes: [String: Dim] = [:]
    /// By name, what the call gives beside its operands.
    package private(set) var numbers: [String: Double] = [:]

    /// - Throws: `ProgramError` where the operands or scalars are not those of the signature.
    package init(_ attributes: Attributes, operands: [TensorType]) throws(ProgramError) {
        kernel = try Kernel(attributes)
        function = Kernel.Function(rawValue: attributes.integers[0]) ?? .forward
        guard let signature = function == .forward ? kernel.signature : kernel.vjpSignature else {
            throw ProgramError("the kernel \(kernel.name) has no vector-Jacobian product")
        }
        self.signature = signature
        let arrays = signature.operands
        guard operands.count == arrays.count else {
            throw fail("takes \(arrays.count) arrays, not \(operands.count)")
        }
        for (index, (array, type)) in zip(arrays, operands).enumerated() { try bind(array, to: type, index) }
        try bind(scalars: attributes.scalars)
    }

    private func fail(_ message: String) -> ProgramError {
        ProgramError("the kernel \(kernel.name) \(signature.text): \(message)")
    }

    private mutating func bind(
        _ array: KernelSignature.Array, to type: TensorType, _ index: Int
    ) throws(ProgramError) {
        guard array.dtype == type.dtype, array.sizes.count == type.rank else {
            throw fail("array \(index) is \(type.name), and must be \(array.name)")
        }
        guard kernel.isTokenLocal || type.symbol == nil else {
            throw fail("array \(index) is \(type.name), but the kernel is not marked as token-local")
        }
        for (axis, (size, dim)) in zip(array.sizes, type.shape).enumerated() {
            switch size {
            case .number(let number) where Dim(number) == dim: break
            case .number(let number):
                throw fail("array \(index) is \(type.name), and axis \(axis) must be \(number)")
            case .name(let name):
                guard let known = sizes[name] else {
                    sizes[name] = dim
                    continue
                }
                guard known == dim else {
                    throw fail("array \(index) is \(type.name), and axis \(axis), \(name), is \(known.name) elsewhere")
                }
            }
        }
    }

    private mutating func bind(scalars values: [Double]) throws(ProgramError) {
        guard values.count == signature.scalars.count else {
            throw fail("takes \(signature.scalars.count) scalars, not \(values.count)")
        }
        for (name, value) in zip(signature.scalars, values) {
            for case .scalar(.names(let names), let type) in signature.arguments
            where names.contains(name) && !type.holds(value) {
                throw fail("\(name) is \(value), which no \(type) can be")
            }
            numbers[name] = value
            guard isSize(name) else { continue }
            guard (0...0x1p34).contains(value) else { throw fail("the size \(name) is \(value)") }
            sizes[name] = Dim(Int(value))
        }
    }

    private func isSize(_ name: String) -> Bool { signature.results.contains { $0.sizeNames.contains(name) } }

    package var results: [TensorType] {
        signature.results.map { array in
            TensorType(
                array.sizes.map { size in
                    switch size {
                    case .number(let number): Dim(number)
                    case .name(let name): sizes[name] ?? 0
                    }
                }, array.dtype)
        }
    }

    /// The value of a scalar argument for a batch.
    package func value(_ value: KernelSignature.ScalarValue, _ batch: Sizes) -> Double {
        switch value {
        case .number(let number): number
        case .names(let names):
            names.reduce(1) { $0 * (numbers[$1] ?? Double(sizes[$1].map(batch.size) ?? 0)) }
        }
    }
}
