import Engine
import Models
import Programs

/// What a method does once an optimizer step, whatever the number of micro-batches: its regularizer before the step, its
/// update after it.
package final class MethodSteps {
    private let model: AdaptedModel
    private let totalSteps: Int
    private let pool: WorkerPool
    /// Value and gradients, and the tensor that each gradient is of.
    private let regularizer: (graph: WholeGraph, numbers: [Int])?
    private let update: (graph: WholeGraph, targets: [Int])?

    /// - Parameter totalSteps: optimizer steps of the whole run.
    package init(_ model: AdaptedModel, totalSteps: Int, pool: WorkerPool) throws {
        self.model = model
        self.totalSteps = totalSteps
        self.pool = pool
        let store = model.tensors
        regularizer = try MethodSteps.regularizer(of: model.program).map { graph, numbers in
            (try WholeGraph(graph, of: model), numbers)
        }
        update = try model.method?.update.map { assignment in
            let graph = try WholeGraph(try model.program.whole(assignment.graph), of: model) { number in
                UnsafeMutableRawPointer(store.gradients.floats + store.entries[number].offset)
            }
            return (graph, assignment.targets)
        }
    }

    /// The regularizer and its gradients as the outputs of one graph; nil where the method has none.
    package static func regularizer(of model: AdaptedProgram) throws -> (graph: Graph, numbers: [Int])? {
        guard let number = model.method?.regularizer else { return nil }
        let g = GraphBuilder()
        let value = model.whole(number, in: g)
        let trained = model.declarations.indices.filter { model.declarations[$0].declaration.isTrained }
        let gradients = g.gradients(of: value.first ?? .none, by: trained.map { model.parameter($0, in: g) })
        let present = zip(trained, gradients).compactMap { number, gradient in gradient.map { (number, $0) } }
        return (try g.finish(value + present.map(\.1)), present.map(\.0))
    }

    /// Elements of 4 bytes that these graphs compute in.
    static func arenaCount(of model: AdaptedProgram) throws -> Int {
        let update = try model.method?.update.map { try model.whole($0.graph) }
        let none = Sizes(tokens: 0, rows: 0, targets: 0)
        return [try regularizer(of: model)?.graph, update].compactMap(\.self).reduce(0) {
            $0 + Executable.arenaCount($1, capacity: none)
        }
    }

    /// Adds the regularizer's gradients to those of the accumulated batch.
    ///
    /// - Parameter step: counted from 0.
    /// - Returns: its value, to be added to the loss; 0 without one.
    package func regularize(step: Int) -> Double {
        guard let (graph, numbers) = regularizer else { return 0 }
        graph.run(step: step, totalSteps: totalSteps, isTraining: true, on: pool)
        let store = model.tensors
        for (output, number) in numbers.enumerated() {
            let to = store.gradients.floats + store.entries[number].offset
            for (index, gradient) in graph.values(output + 1).enumerated() { to[index] += gradient }
        }
        return Double(graph.values(0)[0])
    }

    /// Runs the method's update on the tensors after the optimizer's step.
    ///
    /// - Parameters:
    ///   - step: counted from 0.
    ///   - gradientScale: what clipping multiplied the gradients in the store by.
    package func update(step: Int, gradientScale: Double) {
        guard let (graph, targets) = update else { return }
        if gradientScale != 1 {
            let gradients = model.tensors.gradients
            for index in 0..<gradients.count { gradients.floats[index] *= Float(gradientScale) }
        }
        graph.run(step: step, totalSteps: totalSteps, isTraining: true, on: pool)
        model.assign(graph, to: targets)
    }

    /// How many elements of each trained tensor that the update sets (AdaLoRA's masked values) are not 0, by stored name.
    package var nonzeroCounts: [(name: String, count: Int)] {
        (update?.targets ?? []).filter { model.tensors.entries[$0].declaration.isTrained }.sorted().map { number in
            (model.tensors.entries[number].name, model.tensors[number].count { $0 != 0 })
        }
    }
}
