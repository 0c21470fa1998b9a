import Engine
import Formats
import Kernels

extension StorageType {
    /// The types that weights can be written in, and the name of each on the command line.
    package static let writable: [StorageType] = [.f32, .f16, .bf16, .q8_0, .q4_0, .q4_1]
}

extension FrozenTensor {
    /// The bytes of the tensor in a type of ``StorageType/writable``, or in its own.
    ///
    /// - Parameter rowOrder: row i of the result is row `rowOrder[i]` of this one; of a vector its elements are the rows.
    /// - Throws: `FormatError` where a number has no place in the type.
    func encoded(_ name: String, as type: StorageType, rowOrder: [Int32]? = nil) throws(FormatError) -> [UInt8] {
        let (rows, cols) = shape.count > 1 ? (Int(weight.rows), Int(weight.cols)) : (count, 1)
        let order = rowOrder ?? (0..<Int32(rows)).map { $0 }
        let rowBytes = cols / type.blockElements * type.blockBytes
        guard weight.type != type.ggmlNumber else {
            let stride = shape.count > 1 ? Int(weight.row_bytes) : rowBytes
            return order.flatMap { row in
                UnsafeRawBufferPointer(start: weight.data + Int(row) * stride, count: rowBytes)
            }
        }
        var bytes = [UInt8](repeating: 0, count: rows * rowBytes)
        let vector = shape.count > 1 ? [] : values()
        // A quarter of a million values at a time.
        let step = Swift.max((1 << 18) / Swift.max(cols, 1), 1)
        for first in stride(from: 0, to: rows, by: step) {
            let part = order[first..<Swift.min(first + step, rows)]
            let values = shape.count > 1 ? values(rows: Array(part)) : part.map { vector[Int($0)] }
            let limit: Float = type == .f32 || type == .bf16 ? .greatestFiniteMagnitude : 65504
            guard values.allSatisfy({ abs($0) <= limit }) else {
                throw FormatError(
                    .unsupported, "\(name) holds a number that has no place in \(type.name)", place: "",
                    remedy: "write the model as F32")
            }
            bytes.withUnsafeMutableBytes {
                ph_quantize_blocks(
                    type.ggmlNumber!, values, Int64(values.count), $0.baseAddress! + first * rowBytes)
            }
        }
        return bytes
    }
}
