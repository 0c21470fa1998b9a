import Engine
import Formats
import Kernels

extension FrozenTensor {
    /// The tensor where it lies in its file. It must hold weights (``StorageType/isWeight``).
    ///
    /// - Parameter rowOrder: row i of the tensor is row `rowOrder[i]` of the file, for every i; nil for the file's own order.
    package convenience init(_ stored: StoredTensor, rowOrder: [Int32]? = nil) {
        let columns = stored.shape.last ?? 1
        let rows = columns == 0 ? 0 : stored.elementCount / columns
        var data = stored.bytes.baseAddress
        var owner: AnyObject = stored.file
        if let rowOrder {
            let copy = Buffer(count: (stored.bytes.count + 3) / 4)
            // Of a bias, which is one row for everyone else, its elements are the rows.
            let rowBytes = stored.bytes.count / rowOrder.count
            for (row, from) in rowOrder.enumerated() {
                (copy.raw + row * rowBytes).copyMemory(
                    from: stored.bytes.baseAddress! + Int(from) * rowBytes, byteCount: rowBytes)
            }
            data = UnsafeRawPointer(copy.raw)
            owner = copy
        }
        let weight = ph_weight(
            data: data, type: stored.type.ggmlNumber ?? 0, reserved: 0, rows: Int64(rows), cols: Int64(columns),
            row_bytes: Int64(stored.rowBytes))
        self.init(weight: weight, shape: stored.shape, owner: owner)
    }
}
