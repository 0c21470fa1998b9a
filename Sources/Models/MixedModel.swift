import Engine
import Programs

/// One frozen model with several adapters on it: each row of a batch goes through its own. What is frozen is computed once
/// for all rows, and no method sees what another does.
package final class MixedModel {
    /// One row of a batch.
    package struct Row: Equatable, Sendable {
        /// The number of its adapter in ``MixedModel/members``.
        package var member: Int
        /// Virtual tokens included.
        package var tokens: [Int32]

        package init(member: Int, tokens: [Int32]) { (self.member, self.tokens) = (member, tokens) }
    }

    /// All of one base; a member without a method is the base itself.
    package let members: [AdaptedModel]
    /// The number of each member's first tensor among those of all.
    private let firstTensors: [Int]

    package var model: Model { members[0].model }
    /// A model by itself.
    package convenience init(_ model: AdaptedModel) { self.init(unchecked: [model]) }

    /// - Throws: `ModelError` for a method that cannot share a batch with others.
    package convenience init(_ members: [AdaptedModel]) throws(ModelError) {
        self.init(unchecked: members)
        guard members.count > 1 else { return }
        for member in members {
            precondition(member.model === model)
            guard let method = member.method else { continue }
            if let weight = method.sites.first(where: { $0.site.kind == .weight }) {
                throw ModelError(
                    "\(method.method) trains \(weight.site.module) itself, which rows of other adapters read",
                    place: model.path, remedy: "use this adapter alone")
            }
            if let input = method.rowInputs.keys.first {
                throw ModelError(
                    "\(method.method) reads \"\(input)\" of each row, which others do not have", place: model.path,
                    remedy: "use this adapter alone")
            }
        }
    }

    private init(unchecked members: [AdaptedModel]) {
        self.members = members
        var next = 0
        firstTensors = members.map { member in
            defer { next += member.tensors.entries.count }
            return next
        }
    }

    /// A forward pass, with what is computed at each target.
    package struct Forward {
        package let graph: Graph
        /// Which of the graph's outputs is each member's: (M, labels) or (M, vocabulary).
        package let outputs: [Int]

        /// The values of one target after a run.
        func values(_ target: Int, member: Int, in executable: Executable) -> [Float] {
            let output = outputs[member]
            let width = graph.type(graph.outputs[output]).shape[1].code
            return Array(UnsafeBufferPointer(start: executable.floats(output) + target * width, count: width))
        }
    }

    package func forward() throws -> Forward {
        guard members.count > 1 else {
            return Forward(graph: try Inference.graph(of: members[0].program), outputs: [0])
        }
        let g = GraphBuilder()
        let injectors = zip(members, firstTensors).map { $0.program.injector(numberedFrom: $1) }
        let llama = Llama(model.configuration, in: g, sites: MixedInjector(injectors, in: g))
        let hidden = llama.hidden().last
        let targets = g.input(.targetIndex)
        // A base that was made to classify may have no other head.
        let language = members.contains { $0.head == nil } ? llama.head(hidden, at: targets) : .none
        let logits = zip(members, firstTensors).map { member, first in
            member.head.map { head in
                let type = member.program.declarations[head].declaration.type
                return g.matmul(g.gather(hidden, targets), g.parameter(first + head, type), transposeB: true)
            } ?? language
        }
        var distinct: [Value] = []
        for value in logits where !distinct.contains(value) { distinct.append(value) }
        let graph = try g.finish(distinct).gatheringEarly()
        return Forward(graph: graph, outputs: logits.map { distinct.firstIndex(of: $0)! })
    }

    /// Makes a graph of ``forward()`` ready to run.
    func compile(
        _ graph: Graph, capacity: Sizes, inputs: StepBuffers, cache: KeyValueCache? = nil
    ) throws -> Executable {
        try members[0].compile(graph, capacity: capacity, inputs: inputs, cache: cache) { number in
            let member = self.firstTensors.lastIndex { $0 <= number }!
            return self.members[member].tensors.pointer(number - self.firstTensors[member])
        }
    }

    /// A batch of rows, or of their parts.
    ///
    /// - Parameters:
    ///   - begins: how many tokens of each row were read before; empty: none.
    ///   - targets: the tokens behind which something is predicted.
    func batch(_ rows: [Row], begins: [Int] = [], targets: [Int32]) -> Batch {
        var batch = Batch(
            rows: rows.map(\.tokens), targetIndex: targets, targetLabels: targets.map { _ in 0 },
            targetWeights: targets.map { _ in 0 })
        batch.firstPositions = rows.enumerated().map { index, row in
            members[row.member].prefix.keys + (begins.isEmpty ? 0 : begins[index])
        }
        if members.count > 1 {
            batch.rowInputs[MixedInjector.memberOfRow] = rows.map { FrozenTensor([Float($0.member)], shape: [1]) }
        }
        return batch
    }
}

/// Runs rows of several adapters in one pass.
package final class MixedInference {
    private let model: MixedModel
    private let pool: WorkerPool
    private let forward: MixedModel.Forward
    private var capacity = Sizes(tokens: 0, rows: 0, targets: 0)
    private var prepared: (executable: Executable, inputs: StepBuffers)?

    package init(_ model: MixedModel, pool: WorkerPool) throws {
        (self.model, self.pool) = (model, pool)
        forward = try model.forward()
    }

    /// - Parameter rows: each with at least one token.
    /// - Returns: the logits behind the last token of each row.
    package func run(_ rows: [MixedModel.Row]) throws -> [[Float]] {
        var (token, targets) = (0, [Int32]())
        for row in rows {
            token += row.tokens.count
            targets.append(Int32(token - 1))
        }
        let batch = model.batch(rows, targets: targets)
        let (executable, inputs) = try prepare(for: batch.sizes)
        inputs.load(batch)
        executable.run(RunContext(sizes: batch.sizes), on: pool)
        return rows.enumerated().map { forward.values($0, member: $1.member, in: executable) }
    }

    private func prepare(for sizes: Sizes) throws -> (Executable, StepBuffers) {
        if let prepared, capacity.holds(sizes) { return prepared }
        capacity = capacity.union(sizes)
        let inputs = StepBuffers(capacity: capacity)
        let executable = try model.compile(forward.graph, capacity: capacity, inputs: inputs)
        prepared = (executable, inputs)
        return (executable, inputs)
    }
}
