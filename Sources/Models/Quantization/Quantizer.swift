import Engine
import Kernels

/// Matrices of one quantised type.
struct Quantizer {
    let kind: Quantization

    func byteCount(_ shape: [Int]) -> Int { Int(ph_matrix_bytes(kind.type, Int64(shape[0]), Int64(shape[1]))) }

    /// The matrix (rows, cols) whose bytes lie at `data`, kept alive by `owner`.
    func tensor(at data: UnsafeRawPointer, shape: [Int], owner: AnyObject) -> FrozenTensor {
        let rowBytes =
            kind == .nf4 ? shape[1] / 2 : shape[1] / Int(ph_block_values(kind.type)) * Int(ph_block_bytes(kind.type))
        let weight = ph_weight(
            data: data, type: kind.type, reserved: 0, rows: Int64(shape[0]), cols: Int64(shape[1]),
            row_bytes: Int64(rowBytes))
        return FrozenTensor(weight: weight, shape: shape, owner: owner)
    }

    /// Quantises a matrix into memory of its own.
    ///
    /// - Returns: nil where it holds a number that is not finite, or larger than half precision has them.
    func encode(_ tensor: FrozenTensor) -> FrozenTensor? {
        let (rows, cols) = (tensor.shape[0], tensor.shape[1])
        let buffer = Buffer(count: (byteCount(tensor.shape) + 3) / 4)
        let result = self.tensor(at: buffer.raw, shape: tensor.shape, owner: buffer)
        let block = Int(PH_NF4_BLOCK)
        var sizes = [Float](repeating: 0, count: (rows * cols + block - 1) / block)
        // A quarter of a million values at a time; two rows together are whole blocks.
        let step = Swift.max((1 << 18) / cols, 1) * 2
        for first in stride(from: 0, to: rows, by: step) {
            let values = tensor.values(rows: first..<Swift.min(first + step, rows))
            guard values.allSatisfy({ abs($0) <= 65504 }) else { return nil }
            let count = Int64(values.count)
            if kind == .nf4 {
                let codes = buffer.raw + first * cols / 2
                sizes.withUnsafeMutableBufferPointer {
                    ph_nf4_codes(values, count, codes, $0.baseAddress! + first * cols / block)
                }
            } else {
                ph_quantize_blocks(kind.type, values, count, buffer.raw + first * Int(result.weight.row_bytes))
            }
        }
        if kind == .nf4 { ph_nf4_scales(sizes, Int64(sizes.count), buffer.raw + rows * cols / 2) }
        return result
    }
}
