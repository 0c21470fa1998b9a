import Engine
import Formats
import Models
import Programs

/// Features of rows: a safetensors file with a matrix (K, F) of each, which a data column names.
package struct Features: Sendable {
    /// The data column, and the input by which a method reads them.
    package static let name = "features"

    private let tensors: TensorTable
    /// (K, F) of every row: the first one's, unless it was known before.
    package private(set) var shape: [Int]?

    /// - Parameter shape: what an adapter reads; nil: what the first row has.
    /// - Throws: `FormatError` where the file cannot be read.
    package init(_ path: String, shape: [Int]? = nil) throws {
        tensors = try Safetensors(file: path).tensors
        self.shape = shape
    }

    /// The matrix that the row names: where it lies in the file.
    ///
    /// - Throws: `TrainingError` with the row's place where there is none, or of another shape, or not of numbers.
    package mutating func matrix(of row: DataSource.Row) throws(TrainingError) -> RowTensor {
        guard let name = row.record[Features.name]?.string, !name.isEmpty else {
            throw TrainingError(
                "there is no \"\(Features.name)\"", place: row.place,
                remedy: "with --features each row names its tensor in a column \(Features.name)")
        }
        func fail(_ message: String) -> TrainingError {
            TrainingError("the tensor \"\(name)\" in \(tensors.place) \(message)", place: row.place)
        }
        guard let tensor = tensors[name] else {
            throw TrainingError(
                "there is no tensor \"\(name)\" among the \(tensors.count) in \(tensors.place)", place: row.place)
        }
        guard tensor.shape.count == 2, tensor.elementCount > 0 else {
            throw fail("has the shape \(tensor.shape), and is no matrix (K, F)")
        }
        if let shape, tensor.shape != shape { throw fail("has the shape \(tensor.shape), not \(shape) as is needed") }
        shape = tensor.shape
        guard tensor.type.isWeight else { throw fail("holds \(tensor.type.name), not F32, F16 or BF16") }
        let result = RowTensor(stored: tensor)
        guard result.tensor.values().allSatisfy(\.isFinite) else { throw fail("holds a number that is not finite") }
        return result
    }

    /// - Throws: `TrainingError` where a method's inputs of rows are not there, or of another shape.
    package static func check(_ program: MethodProgram?, _ features: Features?) throws(TrainingError) {
        for (name, type) in program?.rowInputs ?? [:] {
            let wanted = type.shape.dropFirst().map(\.code)
            guard name == Features.name, let features else {
                throw TrainingError(
                    "the method reads \(name) of rows", place: program?.method ?? "",
                    remedy: "give their file with --features")
            }
            guard features.shape == wanted else {
                throw TrainingError(
                    "the method reads features of the shape \(wanted), and those of the rows are "
                        + "\(features.shape ?? [])", place: program?.method ?? "")
            }
        }
    }
}

/// A tensor of a row, where it lies in its file.
package struct RowTensor: Equatable, Sendable {
    package let stored: StoredTensor

    package var tensor: FrozenTensor { FrozenTensor(stored) }

    package static func == (a: RowTensor, b: RowTensor) -> Bool {
        a.stored.file === b.stored.file && a.stored.range == b.stored.range
    }
}
