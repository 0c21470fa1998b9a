import Formats
import Kernels

/// How the linear layers of a base's blocks are kept: QLoRA (Dettmers et al. 2023, arXiv:2305.14314) for any method.
/// Embeddings, norms, biases and the language-model head stay as they are stored.
package enum Quantization: String, CaseIterable, Sendable {
    /// As the base's file has them.
    case none
    /// 4-bit NormalFloat with double quantisation: 4.13 bits a value.
    case nf4
    /// 8-bit integers, a half-precision scale for each 32: 8.5 bits a value.
    case q8_0
    /// 4-bit integers, a half-precision scale for each 32: 4.5 bits a value.
    case q4_0

    /// As storage types are written: `NF4`, `Q8_0`.
    package var name: String { rawValue.uppercased() }

    /// The kernels' number of the type.
    var type: UInt32 {
        switch self {
        case .none: PH_F32.rawValue
        case .nf4: PH_NF4.rawValue
        case .q8_0: PH_Q8_0.rawValue
        case .q4_0: PH_Q4_0.rawValue
        }
    }

    /// Rows are a multiple of it: the kernels decode so many values at once.
    static let group = 32

    /// Where quantised layers are kept for the next run.
    package static var folder: String { Folder.cache + "/quantized" }
}
