/// How the numbers of a tensor are laid out in a file: in blocks of `blockElements` values that take `blockBytes` bytes.
/// Plain numbers are blocks of one.
package enum StorageType: String, Sendable, CaseIterable {
    case f32 = "F32"
    case f16 = "F16"
    case bf16 = "BF16"
    case f64 = "F64"
    case q4_0 = "Q4_0"
    case q4_1 = "Q4_1"
    case q5_0 = "Q5_0"
    case q5_1 = "Q5_1"
    case q8_0 = "Q8_0"
    case q2_K = "Q2_K"
    case q3_K = "Q3_K"
    case q4_K = "Q4_K"
    case q5_K = "Q5_K"
    case q6_K = "Q6_K"
    case i8 = "I8"
    case i16 = "I16"
    case i32 = "I32"
    case i64 = "I64"
    case u8 = "U8"
    case bool = "BOOL"

    /// The name that GGUF tools and safetensors files use.
    package var name: String { rawValue }

    /// Values in a block; the length of a tensor's rows is a multiple of it.
    package var blockElements: Int {
        switch self {
        case .q4_0, .q4_1, .q5_0, .q5_1, .q8_0: 32
        case .q2_K, .q3_K, .q4_K, .q5_K, .q6_K: 256
        default: 1
        }
    }

    /// Bytes of a block: scales and minima with the packed values.
    package var blockBytes: Int {
        switch self {
        case .u8, .bool, .i8: 1
        case .f16, .bf16, .i16: 2
        case .f32, .i32: 4
        case .f64, .i64: 8
        case .q4_0: 18
        case .q4_1: 20
        case .q5_0: 22
        case .q5_1: 24
        case .q8_0: 34
        case .q2_K: 84
        case .q3_K: 110
        case .q4_K: 144
        case .q5_K: 176
        case .q6_K: 210
        }
    }

    /// Whether it may hold a model's weights: the values become float32.
    package var isWeight: Bool {
        switch self {
        case .f64, .i8, .i16, .i32, .i64, .u8, .bool: false
        default: true
        }
    }

    /// The number that stands for the type in a GGUF file; `nil` for what only safetensors has.
    package var ggmlNumber: UInt32? {
        switch self {
        case .f32: 0
        case .f16: 1
        case .q4_0: 2
        case .q4_1: 3
        case .q5_0: 6
        case .q5_1: 7
        case .q8_0: 8
        case .q2_K: 10
        case .q3_K: 11
        case .q4_K: 12
        case .q5_K: 13
        case .q6_K: 14
        case .i8: 24
        case .i16: 25
        case .i32: 26
        case .i64: 27
        case .f64: 28
        case .bf16: 30
        case .u8, .bool: nil
        }
    }

    /// Whether safetensors has this type too, under the same name.
    package var isInSafetensors: Bool { blockElements == 1 }
}

extension StorageType {
    private static let byGGMLNumber = Dictionary(
        uniqueKeysWithValues: allCases.compactMap { type in type.ggmlNumber.map { ($0, type) } })

    /// Types that GGUF files may hold and that are not implemented; the numbers that were withdrawn are among them.
    private static let notImplemented: [UInt32: String] = [
        4: "Q4_2", 5: "Q4_3", 9: "Q8_1", 15: "Q8_K", 16: "IQ2_XXS", 17: "IQ2_XS", 18: "IQ3_XXS", 19: "IQ1_S",
        20: "IQ4_NL", 21: "IQ3_S", 22: "IQ2_S", 23: "IQ4_XS", 29: "IQ1_M", 31: "Q4_0_4_4", 32: "Q4_0_4_8",
        33: "Q4_0_8_8", 34: "TQ1_0", 35: "TQ2_0", 36: "IQ4_NL_4_4", 37: "IQ4_NL_4_8", 38: "IQ4_NL_8_8", 39: "MXFP4",
        40: "NVFP4",
    ]

    /// - Parameter tensor: names the tensor in the error.
    /// - Throws: `FormatError` that names the type, where it is not implemented or not known.
    init(ggmlNumber number: UInt32, tensor: String, place: String) throws(FormatError) {
        if let type = StorageType.byGGMLNumber[number] {
            self = type
            return
        }
        let remedy =
            "use a file with tensors of \(StorageType.allCases.filter(\.isWeight).map(\.name).joined(separator: ", "))"
        guard let name = StorageType.notImplemented[number] else {
            throw FormatError(
                .unsupported, "tensor \(tensor.quoted) has the unknown type number \(number)", place: place,
                remedy: remedy)
        }
        throw FormatError(
            .unsupported, "tensor \(tensor.quoted) is stored as \(name) (type \(number)), which is not implemented",
            place: place, remedy: remedy)
    }
}
