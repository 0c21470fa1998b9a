import Foundation
import Programs

/// One use of one operator with the results that NumPy computed: a line of Fixtures/operators/operators.json.
package struct OperatorCase: Sendable, CustomStringConvertible {
    package struct Operand: Sendable {
        package let type: TensorType
        package let values: [Double]
    }

    /// Its line in the fixture.
    package let line: Int
    package let op: Operator
    package let operands: [Operand]
    package let attributes: Attributes
    package let results: [Operand]
    /// Where each row's tokens begin, and at the end N.
    package let rowOffsets: [Int]
    package let targets: Int
    /// The numbers of the stream that a random operator draws from.
    package let draws: [Double]

    package var description: String {
        "operators.json:\(line) \(op.name)(\(operands.map(\.type.name).joined(separator: ", "))) \(attributes.integers)"
    }

    package var sizes: Sizes {
        Sizes(tokens: rowOffsets.last ?? 0, rows: rowOffsets.count - 1, targets: targets)
    }

    package var context: EvaluationContext {
        EvaluationContext(rowOffsets: rowOffsets, targets: targets) { (_, element) throws(ProgramError) in
            draws[element]
        }
    }

    /// The operator applied to arguments 0, 1, …; all of its results are outputs.
    package func graph() throws(ProgramError) -> Graph {
        let builder = GraphBuilder()
        let value = apply(in: builder)
        return try builder.finish(value == .none ? [.none] : results.indices.map { Value(value.node, $0) })
    }

    /// The operator applied to arguments 0, 1, …: its first result.
    package func apply(in builder: GraphBuilder) -> Value {
        let arguments = operands.enumerated().map { builder.argument($0.offset, $0.element.type) }
        return builder.append(op, arguments, attributes)
    }

    /// All of the table, in the order of the file.
    package static let all: [OperatorCase] = {
        let url = URL(filePath: #filePath).deletingLastPathComponent().appending(
            path: "../Fixtures/operators/operators.json")
        let decoder = JSONDecoder()
        do {
            return try decoder.decode([Coded].self, from: Data(contentsOf: url)).enumerated().map { index, coded in
                try OperatorCase(coded, line: index + 2)
            }
        } catch {
            fatalError("\(url.path): \(error)")
        }
    }()

    private init(_ coded: Coded, line: Int) throws {
        guard let op = Operator.allCases.first(where: { $0.name == coded.op }) else {
            throw ProgramError("no operator is named \(coded.op)")
        }
        self.line = line
        self.op = op
        operands = coded.operands.map(\.operand)
        results = coded.results.map(\.operand)
        attributes = Attributes(integers: coded.integers ?? [], scalars: coded.scalars ?? [])
        rowOffsets = coded.rows ?? [0]
        targets = coded.targets ?? 0
        draws = coded.draws ?? []
    }
}

/// What the file holds.
private struct Coded: Decodable {
    struct Operand: Decodable {
        let shape: [Int]
        let values: [Number]
        let i32: Bool?

        var operand: OperatorCase.Operand {
            OperatorCase.Operand(
                type: TensorType(shape.map { Dim($0) }, i32 == true ? .i32 : .f32), values: values.map(\.value))
        }
    }

    /// A number, or an infinity as a string.
    struct Number: Decodable {
        let value: Double

        init(from decoder: any Decoder) throws {
            let container = try decoder.singleValueContainer()
            value =
                try (try? container.decode(Double.self))
                ?? (container.decode(String.self) == "inf" ? .infinity : -.infinity)
        }
    }

    let op: String
    let operands: [Operand]
    let results: [Operand]
    let integers: [Int]?
    let scalars: [Double]?
    let rows: [Int]?
    let targets: Int?
    let draws: [Double]?
}
