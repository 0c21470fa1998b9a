/// The C function of a kernel as its plugin writes it: all arguments in C's order.
///
///     (in f32[n,k], entries: in i32[k], n: i64, 1: i32, scale: f32) -> out f32[n]
///
/// Grammar (spaces mean nothing):
///
///     signature = "(" [argument {"," argument}] ")" ["->" ("f32" | result {"," result})]
///     argument  = array | value ":" type
///     result    = "out" element "[" [size {"," size}] "]"
///     array     = ("in" | "out" | "inout") element "[" [size {"," size}] "]"
///     value     = number | name {"*" name}
///     element   = "f32" | "i32"
///     type      = "i32" | "u32" | "i64" | "u64" | "f32" | "f64"
///     size      = name | number
///
/// Arrays are pointers to contiguous row-major elements. What stands behind the arrow comes last among the arguments; `f32`
/// alone is what the function returns. An `inout` array is an operand and a result: it holds the operand's elements when the
/// function is called.
package struct KernelSignature: Hashable, Sendable {
    package enum Access: String, Hashable, Sendable {
        case operand = "in", result = "out", both = "inout"
    }

    package enum Size: Hashable, Sendable {
        case number(Int)
        case name(String)
    }

    package struct Array: Hashable, Sendable {
        package var access: Access
        package var dtype: DType
        package var sizes: [Size]
    }

    package enum ScalarType: String, CaseIterable, Hashable, Sendable {
        case i32, u32, i64, u64, f32, f64

        package var isInteger: Bool { self != .f32 && self != .f64 }

        /// What a C variable of this type can hold without loss; 64-bit integers as far as a double counts exactly.
        package var range: ClosedRange<Double> {
            switch self {
            case .i32: Double(Int32.min)...Double(Int32.max)
            case .u32: 0...Double(UInt32.max)
            case .i64: -0x1p53...0x1p53
            case .u64: 0...0x1p53
            case .f32: -Double(Float.greatestFiniteMagnitude)...Double(Float.greatestFiniteMagnitude)
            case .f64: -Double.greatestFiniteMagnitude...Double.greatestFiniteMagnitude
            }
        }

        func holds(_ value: Double) -> Bool {
            range.contains(value) && (!isInteger || value.rounded(.towardZero) == value)
        }
    }

    package enum ScalarValue: Hashable, Sendable {
        case number(Double)
        /// The product of sizes, or one argument of the call.
        case names([String])
    }

    package enum Argument: Hashable, Sendable {
        case array(Array)
        case scalar(ScalarValue, ScalarType)
    }

    package let text: String
    /// In C's order.
    package let arguments: [Argument]
    /// Whether the function returns an f32, which is the last result.
    package let returnsScalar: Bool
    /// The arguments that a call gives beside its operands: names that no operand's size gives, as they first appear.
    package let scalars: [String]

    package static let maximumArguments = 32

    /// - Throws: `ProgramError` with the column and what is wrong there.
    package init(_ text: String) throws(ProgramError) {
        var parser = KernelSignatureParser(text)
        (arguments, returnsScalar) = try parser.parse()
        self.text = text
        let given = Set(arguments.flatMap { $0.isOperand ? $0.sizeNames : [] })
        var scalars: [String] = []
        for case .scalar(.names(let names), _) in arguments {
            for name in names where !given.contains(name) && !scalars.contains(name) { scalars.append(name) }
        }
        self.scalars = scalars
        try check(given)
    }

    /// Arrays that are read, in C's order.
    package var operands: [Array] { arguments.compactMap { $0.isOperand ? $0.array : nil } }

    /// What is computed, in C's order; behind it what the function returns.
    package var results: [Array] {
        arguments.compactMap { $0.array?.access == .operand ? nil : $0.array }
            + (returnsScalar ? [Array(access: .result, dtype: .f32, sizes: [])] : [])
    }

    private func check(_ given: Set<String>) throws(ProgramError) {
        func fail(_ message: String) -> ProgramError {
            ProgramError("the signature \(text.debugDescription): \(message)")
        }
        guard !results.isEmpty else { throw fail("it has no result: an out or inout array, or -> f32") }
        // A name of a call's own is a size only where it is an integer everywhere.
        var integers = given
        for case .scalar(.names(let names), let type) in arguments {
            guard type.isInteger || names.count == 1 && !given.contains(names[0]) else {
                throw fail("\(names.joined(separator: "*")) counts something and must be an integer, not \(type)")
            }
            if type.isInteger { integers.formUnion(names) }
        }
        for case .scalar(.names(let names), let type) in arguments where !type.isInteger && integers.contains(names[0])
        {
            throw fail("\(names[0]) is an integer in one place and \(type) in another")
        }
        for name in results.flatMap(\.sizeNames) where !integers.contains(name) {
            throw fail("the size \(name) of a result is given by no operand and no integer argument")
        }
    }
}

extension KernelSignature.Array {
    package var sizeNames: [String] {
        sizes.compactMap { if case .name(let name) = $0 { name } else { nil } }
    }

    /// As it is written.
    package var name: String {
        let sizes = sizes.map { size in
            switch size {
            case .number(let number): "\(number)"
            case .name(let name): name
            }
        }
        return "\(dtype.name)[\(sizes.joined(separator: ","))]"
    }
}

extension KernelSignature.Argument {
    package var array: KernelSignature.Array? {
        if case .array(let array) = self { array } else { nil }
    }

    fileprivate var isOperand: Bool { array.map { $0.access != .result } ?? false }
    fileprivate var sizeNames: [String] { array?.sizeNames ?? [] }
}
