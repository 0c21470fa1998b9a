/// The tensors of a model or adapter by name, in the order of the file.
package struct TensorTable: Sendable, RandomAccessCollection {
    /// Names the file or folder in errors.
    package let place: String
    private let tensors: [StoredTensor]
    private let positions: [String: Int]

    /// - Throws: `FormatError` where two tensors have one name.
    init(_ tensors: [StoredTensor], place: String) throws(FormatError) {
        var positions: [String: Int] = [:]
        for (position, tensor) in tensors.enumerated() {
            guard positions.updateValue(position, forKey: tensor.name) == nil else {
                throw FormatError(.corrupt, "two tensors are named \(tensor.name.quoted)", place: place)
            }
        }
        self.tensors = tensors
        self.positions = positions
        self.place = place
    }

    package var startIndex: Int { tensors.startIndex }
    package var endIndex: Int { tensors.endIndex }
    package subscript(position: Int) -> StoredTensor { tensors[position] }

    /// The tensor of that name, where there is one.
    package subscript(name: String) -> StoredTensor? { positions[name].map { tensors[$0] } }

    /// The tensor of that name, which must be there.
    package func tensor(_ name: String) throws(FormatError) -> StoredTensor {
        guard let tensor = self[name] else {
            throw FormatError(.missing, "there is no tensor \(name.quoted) among the \(count)", place: place)
        }
        return tensor
    }

    /// The tensor of that name, which must be there, have that shape and hold numbers that become float32.
    package func weight(_ name: String, shape: [Int]) throws(FormatError) -> StoredTensor {
        let tensor = try tensor(name)
        guard tensor.shape == shape else {
            throw FormatError(
                .corrupt, "tensor \(name.quoted) has the shape \(tensor.shape), not \(shape)", place: place)
        }
        guard tensor.type.isWeight else {
            throw FormatError(
                .unsupported, "tensor \(name.quoted) holds \(tensor.type.name), which no weight may be stored as",
                place: place)
        }
        return tensor
    }
}
