import Kernels

/// A tensor of the frozen base, as it is stored: the file's own bytes, quantised or not.
package final class FrozenTensor: @unchecked Sendable {
    /// (rows, cols) view: the last axis, and all before it.
    package let weight: ph_weight
    package let shape: [Int]
    /// Keeps the bytes alive.
    private let owner: AnyObject?

    package init(weight: ph_weight, shape: [Int], owner: AnyObject?) {
        self.weight = weight
        self.shape = shape
        self.owner = owner
    }

    /// Float32 values of our own.
    package convenience init(_ values: [Float], shape: [Int]) {
        let buffer = Buffer(values)
        let columns = shape.last ?? 1
        self.init(
            weight: ph_weight(
                data: UnsafeRawPointer(buffer.raw), type: UInt32(PH_F32.rawValue), reserved: 0,
                rows: Int64(columns == 0 ? 0 : values.count / columns), cols: Int64(columns),
                row_bytes: Int64(columns * 4)),
            shape: shape, owner: buffer)
    }

    package var count: Int { shape.reduce(1, *) }
    package var bytes: Int { Int(ph_matrix_bytes(weight.type, weight.rows, weight.cols)) }

    /// The values as float32.
    package func values() -> [Float] { values(rows: 0..<Int(weight.rows)) }

    /// The values of some rows as float32.
    package func values(rows: Range<Int>) -> [Float] { values(rows: rows.map { Int32($0) }) }

    /// The values of these rows as float32, in this order.
    package func values(rows: [Int32]) -> [Float] {
        let count = rows.count * Int(weight.cols)
        return [Float](unsafeUninitializedCapacity: count) { buffer, initialized in
            if count > 0 {
                withUnsafePointer(to: weight) { ph_embedding_rows($0, rows, buffer.baseAddress!, Int64(rows.count)) }
            }
            initialized = count
        }
    }
}
