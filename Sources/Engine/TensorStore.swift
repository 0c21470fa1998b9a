import Kernels
import Programs

/// All tensors that a run owns: parameters, their gradients and moments, buffers. Trained ones come first, in flat
/// buffers, so that the optimizer is one pass.
package final class TensorStore {
    package struct Entry: Sendable {
        /// The full name, `base_model.model.….lora_A.weight`: unique.
        package let name: String
        package let declaration: TensorDeclaration
        package let offset: Int
        package var count: Int { declaration.type.fixedCount }
        package var shape: [Int] { declaration.type.shape.map(\.code) }
    }

    /// In the order in which they were declared; `offset` says where each lies.
    package let entries: [Entry]
    /// Elements of the trained tensors; they lie in front of all others.
    package let trainedCount: Int
    package let values: Buffer
    package let gradients: Buffer
    package let firstMoment: Buffer
    package let secondMoment: Buffer
    private let index: [String: Int]

    package init(_ declarations: [(name: String, declaration: TensorDeclaration)]) {
        var offset = 0
        var offsets = Array(repeating: 0, count: declarations.count)
        for isTrained in [true, false] {
            for (number, item) in declarations.enumerated() where item.declaration.isTrained == isTrained {
                offsets[number] = offset
                offset += item.declaration.type.fixedCount
            }
        }
        entries = zip(declarations, offsets).map { Entry(name: $0.name, declaration: $0.declaration, offset: $1) }
        trainedCount = declarations.reduce(0) { $0 + ($1.declaration.isTrained ? $1.declaration.type.fixedCount : 0) }
        values = Buffer(count: offset)
        gradients = Buffer(count: trainedCount)
        firstMoment = Buffer(count: trainedCount)
        secondMoment = Buffer(count: trainedCount)
        index = Dictionary(uniqueKeysWithValues: entries.enumerated().map { ($1.name, $0) })
    }

    /// Whether every float is.
    package var isFinite: Bool {
        entries.indices.allSatisfy { entries[$0].declaration.type.dtype == .i32 || self[$0].allSatisfy(\.isFinite) }
    }

    package func number(_ name: String) -> Int? { index[name] }
    package func pointer(_ number: Int) -> UnsafeMutablePointer<Float> { values.floats + entries[number].offset }

    package subscript(number: Int) -> [Float] {
        get { Array(UnsafeBufferPointer(start: pointer(number), count: entries[number].count)) }
        set {
            precondition(newValue.count == entries[number].count)
            pointer(number).update(from: newValue, count: newValue.count)
        }
    }
}
