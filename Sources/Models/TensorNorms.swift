import Engine
import Kernels

/// Euclidean norms of a frozen matrix, which the programs name like tensors of the base. They are computed once, so that
/// no step decodes the matrix for them.
enum TensorNorms: String, CaseIterable {
    case rows, columns

    /// Behind the matrix's name. (No tensor of a file has a bar in its name.)
    var suffix: String { "|\(rawValue)" }

    /// The norms that `name` means; nil where it means a tensor.
    ///
    /// - Throws: as ``Model/tensor(_:shape:)``.
    static func tensor(_ name: String, of model: Model) throws -> FrozenTensor? {
        guard let kind = allCases.first(where: { name.hasSuffix($0.suffix) }) else { return nil }
        let matrix = String(name.dropLast(kind.suffix.count))
        guard let shape = model.configuration.tensors.first(where: { $0.name == matrix })?.shape else { return nil }
        return norms(try model.tensor(matrix, shape: shape), kind)
    }

    /// Sums in float64, row after row.
    private static func norms(_ matrix: FrozenTensor, _ kind: TensorNorms) -> FrozenTensor {
        let (rows, columns) = (Int(matrix.weight.rows), Int(matrix.weight.cols))
        var squares = [Double](repeating: 0, count: kind == .rows ? rows : columns)
        var row = [Float](repeating: 0, count: columns)
        for index in 0..<rows {
            var id = Int32(index)
            withUnsafePointer(to: matrix.weight) { ph_embedding_rows($0, &id, &row, 1) }
            for (column, value) in row.enumerated() {
                squares[kind == .rows ? index : column] += Double(value) * Double(value)
            }
        }
        return FrozenTensor(squares.map { Float($0.squareRoot()) }, shape: [squares.count])
    }
}
