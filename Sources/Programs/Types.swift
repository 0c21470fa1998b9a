/// The element type of a value. Numbers are frozen: they go to disk and across the plugin interface.
package enum DType: UInt8, Hashable, Sendable {
    case f32 = 0
    case i32 = 1

    package var name: String { self == .f32 ? "f32" : "i32" }
}

/// One axis of a shape: a number, or one of the sizes that only a batch knows.
///
/// A symbolic axis is always the first of its shape, so every size is `symbol × constant`.
package struct Dim: Hashable, Sendable, ExpressibleByIntegerLiteral {
    /// Zero and above: the size itself. Below: the symbol. This is also the coding on disk and in the plugin interface.
    package let code: Int

    package init(_ size: Int) { code = size }
    package init(integerLiteral value: Int) { code = value }

    /// N: the tokens of a packed batch.
    package static let tokens = Dim(-1)
    /// R: the rows of a packed batch.
    package static let rows = Dim(-2)
    /// M: the positions whose prediction counts (host only: the head and the loss).
    package static let targets = Dim(-3)

    package var isSymbolic: Bool { code < 0 }
    /// The size, where it does not depend on the batch.
    package var fixed: Int? { code >= 0 ? code : nil }

    package var name: String {
        switch self {
        case .tokens: "N"
        case .rows: "R"
        case .targets: "M"
        default: String(code)
        }
    }
}

package typealias Shape = [Dim]

/// What is known of a value before anything runs.
package struct TensorType: Hashable, Sendable {
    package var dtype: DType
    package var shape: Shape

    package init(_ shape: Shape, _ dtype: DType = .f32) {
        self.shape = shape
        self.dtype = dtype
    }

    package static let scalar = TensorType([])

    package var rank: Int { shape.count }
    /// The symbol of the first axis, where it is one.
    package var symbol: Dim? { shape.first.flatMap { $0.isSymbolic ? $0 : nil } }
    /// The product of all axes that are numbers.
    package var fixedCount: Int { shape.reduce(1) { $0 * ($1.fixed ?? 1) } }
    /// ``fixedCount`` of a type that nobody has checked; nil where it overflows.
    package var checkedCount: Int? {
        var count = 1
        for dim in shape {
            let (product, overflow) = count.multipliedReportingOverflow(by: dim.fixed ?? 1)
            if overflow { return nil }
            count = product
        }
        return count
    }
    package var name: String { "\(dtype.name)[\(shape.map(\.name).joined(separator: ","))]" }
}

/// The sizes that a batch gives to the symbols.
package struct Sizes: Hashable, Sendable {
    package var tokens: Int
    package var rows: Int
    package var targets: Int

    package init(tokens: Int, rows: Int, targets: Int) {
        self.tokens = tokens
        self.rows = rows
        self.targets = targets
    }

    package func size(_ dim: Dim) -> Int {
        switch dim {
        case .tokens: tokens
        case .rows: rows
        case .targets: targets
        default: dim.code
        }
    }

    package func shape(_ type: TensorType) -> [Int] { type.shape.map(size) }
    package func count(_ type: TensorType) -> Int { type.shape.reduce(1) { $0 * size($1) } }
}

/// One result of one node.
package struct Value: Hashable, Sendable {
    package var node: Int
    package var result: Int

    package init(_ node: Int, _ result: Int = 0) {
        self.node = node
        self.result = result
    }

    /// What a failed operator returns; every operator passes it on.
    package static let none = Value(-1)
}

/// Why a graph cannot be built, decoded or run.
package struct ProgramError: Error, Hashable, CustomStringConvertible {
    /// One sentence with the operator's name and the shapes in question.
    package var message: String

    package init(_ message: String) { self.message = message }

    package var description: String { message }
}
