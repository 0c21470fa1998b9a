import CFFI
import Glibc
import Programs

/// A C function that can be called through the signature of its kernel: one libffi call interface.
package final class KernelFunction: @unchecked Sendable {
    package let signature: KernelSignature
    fileprivate let address: @convention(c) () -> Void
    fileprivate let interface: UnsafeMutablePointer<ffi_cif>
    private let types: UnsafeMutablePointer<UnsafeMutablePointer<ffi_type>?>

    /// - Parameter address: of the function, which stays where it is as long as the process.
    /// - Throws: `ProgramError` where libffi cannot call such a function on this machine.
    package init(_ signature: KernelSignature, _ address: @escaping @convention(c) () -> Void) throws(ProgramError) {
        self.signature = signature
        self.address = address
        let count = signature.arguments.count
        types = .allocate(capacity: Swift.max(count, 1))
        interface = .allocate(capacity: 1)
        for (index, argument) in signature.arguments.enumerated() {
            (types + index).initialize(to: KernelFunction.type(argument))
        }
        let returned = signature.returnsScalar ? ffi_shim_float() : ffi_shim_void()
        let status = ffi_prep_cif(interface, FFI_DEFAULT_ABI, UInt32(count), returned, types)
        guard status == FFI_OK else {
            throw ProgramError("libffi cannot call a function \(signature.text.debugDescription) on this machine")
        }
    }

    deinit {
        interface.deallocate()
        types.deallocate()
    }

    private static func type(_ argument: KernelSignature.Argument) -> UnsafeMutablePointer<ffi_type>? {
        guard case .scalar(_, let type) = argument else { return ffi_shim_pointer() }
        return switch type {
        case .i32: ffi_shim_sint32()
        case .u32: ffi_shim_uint32()
        case .i64: ffi_shim_sint64()
        case .u64: ffi_shim_uint64()
        case .f32: ffi_shim_float()
        case .f64: ffi_shim_double()
        }
    }
}

/// One call of a kernel's function on operands of known types, with memory for its arguments: one call at a time.
package final class KernelRun: @unchecked Sendable {
    package let call: KernelCall
    private let function: KernelFunction
    /// One cell of 8 bytes for each argument, and one for what the function returns.
    private let cells: UnsafeMutableRawPointer
    private let pointers: UnsafeMutablePointer<UnsafeMutableRawPointer?>

    /// - Parameter capacity: the largest batch that it will run for.
    /// - Throws: `ProgramError` where a size is more than the C type of its argument can hold.
    package init(_ call: KernelCall, _ function: KernelFunction, capacity: Sizes) throws(ProgramError) {
        self.call = call
        self.function = function
        let count = call.signature.arguments.count
        cells = .allocate(byteCount: (count + 1) * 8, alignment: 16)
        pointers = .allocate(capacity: count + 1)
        for index in 0...count { (pointers + index).initialize(to: cells + index * 8) }
        for case .scalar(let value, let type) in call.signature.arguments {
            let largest = call.value(value, capacity)
            guard type.range.contains(largest) else {
                throw ProgramError(
                    "the kernel \(call.kernel.name) is given the size \(largest), more than \(type) can hold; "
                        + "its signature should say i64")
            }
        }
    }

    deinit {
        cells.deallocate()
        pointers.deallocate()
    }

    /// Calls the function. The floating-point environment is afterwards what it was.
    ///
    /// - Parameters:
    ///   - operands: where the signature's operands lie, in its order.
    ///   - results: where its results shall lie; that of an inout array is given the operand's elements first.
    ///   - sizes: those of the batch.
    package func run(
        operands: [UnsafeMutableRawPointer], results: [UnsafeMutableRawPointer], sizes: Sizes
    ) {
        var (operand, result) = (0, 0)
        let arguments = function.signature.arguments
        for index in arguments.indices {
            let cell = cells + index * 8
            switch arguments[index] {
            case .scalar(let value, let type): store(call.value(value, sizes), as: type, in: cell)
            case .array(let array):
                switch array.access {
                case .operand:
                    cell.storeBytes(of: operands[operand], as: UnsafeMutableRawPointer.self)
                    operand += 1
                case .both:
                    results[result].copyMemory(from: operands[operand], byteCount: bytes(array, sizes))
                    operand += 1
                    fallthrough
                case .result:
                    cell.storeBytes(of: results[result], as: UnsafeMutableRawPointer.self)
                    result += 1
                }
            }
        }
        let returned = cells + arguments.count * 8
        var environment = fenv_t()
        fegetenv(&environment)
        ffi_call(function.interface, function.address, returned, pointers)
        fesetenv(&environment)
        if function.signature.returnsScalar { results[result].copyMemory(from: returned, byteCount: 4) }
    }

    private func bytes(_ array: KernelSignature.Array, _ sizes: Sizes) -> Int {
        array.sizes.reduce(4) { count, size in
            switch size {
            case .number(let number): count * number
            case .name(let name): count * (call.sizes[name].map(sizes.size) ?? 0)
            }
        }
    }

    /// The value fits: sizes were compared with the capacity, and numbers when the graph was built.
    private func store(_ value: Double, as type: KernelSignature.ScalarType, in cell: UnsafeMutableRawPointer) {
        switch type {
        case .i32: cell.storeBytes(of: Int32(value), as: Int32.self)
        case .u32: cell.storeBytes(of: UInt32(value), as: UInt32.self)
        case .i64: cell.storeBytes(of: Int64(value), as: Int64.self)
        case .u64: cell.storeBytes(of: UInt64(value), as: UInt64.self)
        case .f32: cell.storeBytes(of: Float(value), as: Float.self)
        case .f64: cell.storeBytes(of: value, as: Double.self)
        }
    }
}
