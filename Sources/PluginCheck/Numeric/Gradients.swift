import Models
import Programs
import Training

/// The gradients of a method at one point: of the loss and of the regularizer, in float64.
package struct Gradients {
    /// Of one of the two.
    private struct Part {
        let name: String
        /// The value, then the gradients.
        let graph: Graph
        /// The number in the store of each gradient.
        let numbers: [Int]
        let exact: [Tensor64]
    }

    /// A gradient that is not what the differences of its function say.
    package struct Mismatch: Equatable {
        package let number: Int
        package let text: String
    }

    private let model: AdaptedModel
    private let evaluation: Evaluation64
    private let parts: [Part]

    package init(_ model: AdaptedModel) throws {
        self.model = model
        let evaluation = try Evaluation64(model, model.trainingBatch())
        self.evaluation = evaluation
        let whole = try GradientProgram.graph(of: model.program)
        let loss = (graph: whole.graph, numbers: whole.numbers)
        let regularizer = try MethodSteps.regularizer(of: model.program)
        let graphs = [("the loss", loss)] + (regularizer.map { [("the regularizer", $0)] } ?? [])
        parts = try graphs.map { name, item in
            Part(
                name: name, graph: item.graph, numbers: item.numbers,
                exact: Array(try evaluation.run(item.graph).dropFirst()))
        }
    }

    /// The exact gradient of the loss by every tensor that it depends on.
    package var ofLoss: [(number: Int, gradient: Tensor64)] { Array(zip(parts[0].numbers, parts[0].exact)) }

    /// The first gradient that is off by more than 1e-6 of its tensor's largest element, if any: some elements each by
    /// itself, all of them together along a random direction.
    ///
    /// - Parameter elements: how many of each tensor, at most.
    package func mismatch(elements: Int = .max, random: inout RandomNumbers) throws -> Mismatch? {
        for part in parts {
            let differences = try Differences(part.graph, evaluation)
            for (number, gradient) in zip(part.numbers, part.exact) where gradient.count > 0 {
                let name = model.tensors.entries[number].name
                let scale = gradient.values.reduce(1e-3) { Swift.max($0, abs($1)) }
                func compare(_ exact: Double, _ numeric: Double, _ place: String) -> Mismatch? {
                    // Not a number is off, too.
                    if abs(exact - numeric) <= 1e-6 * scale { return nil }
                    return Mismatch(
                        number: number,
                        text: "the gradient of \(part.name) by \(name)\(place) is \(exact), its central difference "
                            + "\(numeric)")
                }
                let chosen = Gradients.chosen(gradient.count, elements, &random)
                for (element, numeric) in zip(chosen, try differences.gradient(number, elements: chosen)) {
                    if let found = compare(gradient.values[element], numeric, " [\(element)]") { return found }
                }
                guard chosen.count < gradient.count else { continue }
                let length = Double(gradient.count).squareRoot()
                let direction = gradient.values.map { _ in Bool.random(using: &random) ? 1 / length : -1 / length }
                let exact = zip(gradient.values, direction).reduce(0) { $0 + $1.0 * $1.1 }
                let numeric = try differences.derivative(number, along: direction)
                if let found = compare(exact, numeric, " along a direction") { return found }
            }
        }
        return nil
    }

    /// So many different ones of `count` elements.
    private static func chosen(_ count: Int, _ most: Int, _ random: inout RandomNumbers) -> [Int] {
        guard count > most else { return Array(0..<count) }
        return Set((0..<most).map { _ in Int.random(in: 0..<count, using: &random) }).sorted()
    }
}
