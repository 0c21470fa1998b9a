import Glibc
import Programs

/// Calls of a kernel's functions on memory of their own, watched: what a function writes beside its results, what it leaves
/// unwritten, and whether it gives the same bits twice.
struct KernelTrial {
    let call: KernelCall
    let function: KernelFunction
    /// The types of the operands.
    let operands: [TensorType]

    init(_ attributes: Attributes, _ operands: [TensorType], _ functions: KernelFunctions) throws(ProgramError) {
        self.operands = operands
        call = try KernelCall(attributes, operands: operands)
        guard let function = functions[call.function] else {
            throw ProgramError("the kernel \(call.kernel.name) has no vector-Jacobian product")
        }
        self.function = function
    }

    func error(_ message: String) -> ProgramError {
        ProgramError("the kernel \(call.kernel.name)\(call.function == .vjp ? ", its vjp" : ""): \(message)")
    }

    /// The bits of the results.
    ///
    /// - Throws: `ProgramError` where the function breaks a rule.
    func run(_ operands: [[UInt32]], _ sizes: Sizes) throws(ProgramError) -> [[UInt32]] {
        let fills = [Float.nan.bitPattern, 0x5A5A_5A5A]
        let (first, second) = (try run(operands, sizes, fill: fills[0]), try run(operands, sizes, fill: fills[1]))
        for (index, (a, b)) in zip(first, second).enumerated() {
            guard let place = zip(a, b).enumerated().first(where: { $0.element.0 != $0.element.1 })?.offset else {
                continue
            }
            guard a[place] == fills[0], b[place] == fills[1] else {
                throw error(
                    "two calls on the same operands give result \(index) with different bits at element \(place)")
            }
            throw error("leaves element \(place) of result \(index), which has \(a.count), unwritten")
        }
        return first
    }

    private func run(_ operands: [[UInt32]], _ sizes: Sizes, fill: UInt32) throws(ProgramError) -> [[UInt32]] {
        let given = operands.map(GuardedArray.init)
        let results = call.results.map { GuardedArray(Array(repeating: fill, count: sizes.count($0))) }
        let run = try KernelRun(call, function, capacity: sizes)
        run.run(operands: given.map(\.elements), results: results.map(\.elements), sizes: sizes)
        for (what, arrays) in [("operand", given), ("result", results)] {
            for (index, array) in arrays.enumerated() {
                guard let place = array.damage else { continue }
                throw error(
                    "writes outside of its arrays: byte \(place) of \(what) \(index), which has \(array.count * 4)")
            }
        }
        for (index, (array, old)) in zip(given, operands).enumerated() where array.bits != old {
            throw error("writes to operand \(index), which is not its own: mark it as inout")
        }
        return results.map(\.bits)
    }
}
