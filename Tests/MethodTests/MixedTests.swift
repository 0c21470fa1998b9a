import Engine
import Models
import PluginCheck
import Programs
import Testing

/// Rows of several adapters in one pass, against each row in a run of its own.
struct MixedTests {
    private let pool = WorkerPool(threads: 2)

    private static let methods = [
        MethodCase("LoRA", ["r": "2", "target_modules": "all-linear"]),
        MethodCase("IA3"),
        MethodCase("PromptTuning", ["num_virtual_tokens": "3"]),
        MethodCase("PrefixTuning", ["num_virtual_tokens": "4"]),
        MethodCase("LlamaAdapter", ["adapter_len": "3", "adapter_layers": "1"]),
        MethodCase("LoRA", ["r": "3", "use_dora": "true"]),
        MethodCase("AdaLoRA", ["init_r": "3", "target_r": "2"]),
        MethodCase("PTuning", ["num_virtual_tokens": "2"]),
    ]

    private static let rows: [[Int32]] = [
        [3, 8, 1, 12], [1, 4], [2, 7, 7, 0, 5, 6], [9], [3, 8, 1, 12, 4], [5, 5], [0, 1, 2], [11, 3], [3, 8, 1],
        [6, 2, 6, 2, 6],
    ]

    /// Trained methods on one base, then the base itself.
    private func members(_ tasks: [Task]) throws -> [AdaptedModel] {
        let base = try Base.plain.toy.model()
        var members = try zip(Self.methods, tasks + Array(repeating: .causalLM, count: 8)).map { method, task in
            var method = method
            method.task = task
            let trained = try method.bench().moved()
            let model = try AdaptedModel(base, method: trained.method, task: task, seed: 7)
            for index in model.tensors.entries.indices { model.tensors[index] = trained.tensors[index] }
            return model
        }
        members.append(try AdaptedModel(base, method: nil, task: .causalLM, seed: 7))
        return members
    }

    private func alone(_ model: AdaptedModel, _ ids: [Int32]) throws -> [Float] {
        let row = model.prefix.before(ids)
        let batch = Batch(rows: [row], targetIndex: [Int32(row.count - 1)], targetLabels: [0], targetWeights: [0])
        return try Inference(model, pool: pool).run(batch).logits
    }

    @Test(arguments: [
        [Task.causalLM],
        [.sequenceClassification(labels: 2), .causalLM, .sequenceClassification(labels: 3)],
    ])
    func onePass(_ tasks: [Task]) throws {
        let members = try members(tasks)
        let mixed = try MixedModel(members)
        let inference = try MixedInference(mixed, pool: pool)
        // Twice, in two orders and sizes: what a batch leaves behind is no other's.
        for order in [[8, 0, 1, 2, 3, 4, 5, 6, 7, 0], [2, 7, 8, 1]] {
            let rows = zip(order, Self.rows).map {
                MixedModel.Row(member: $0, tokens: members[$0].prefix.before($1))
            }
            for ((member, found), ids) in zip(zip(order, try inference.run(rows)), Self.rows) {
                let expected = try alone(members[member], ids)
                #expect(Logits.distance([found], [expected]) <= 1e-5, "member \(member)")
                #expect(found.count == expected.count)
            }
        }
    }

    /// Each row of a cache goes on by itself, whatever the others do.
    @Test func goesOn() throws {
        let members = try members([])
        let generator = try Generator(MixedModel(members), context: 12, rows: 3, pool: pool)
        #expect(generator.cache != nil)
        var read: [[Int32]] = [[], [], []]
        var member = [2, 8, 0]
        for row in 0..<3 { generator.begin(row, with: member[row]) }
        func expect(_ parts: [(row: Int, ids: [Int32])]) throws {
            for (row, ids) in parts { read[row] += ids }
            for ((row, _), found) in zip(parts, generator.read(parts)) {
                let expected = try alone(members[member[row]], read[row])
                #expect(Logits.distance([found], [expected]) <= 1e-5, "row \(row), member \(member[row])")
            }
        }
        try expect([(0, [3, 8, 1]), (1, [4]), (2, [2, 7, 7, 0])])
        try expect([(2, [5]), (0, [12])])
        try expect([(1, [1, 9])])
        member[1] = 3
        read[1] = []
        generator.begin(1, with: 3)
        try expect([(1, [6, 2]), (2, [6]), (0, [0])])
        generator.truncate(0, to: 2)
        read[0] = [3, 8]
        try expect([(0, [5]), (1, [1])])
    }

    /// Long rows are read in parts, side by side.
    @Test func longRows() throws {
        let model = try Base.plain.bare(.causalLM)
        func row(_ count: Int32) -> [Int32] { (0..<count).map { $0 * 7 % 13 } }
        let rows = [row(700), row(300)]
        let generator = try Generator(MixedModel(model), context: 700, rows: 2, pool: pool)
        let found = generator.read([(0, rows[0]), (1, rows[1])])
        for (row, logits) in zip(rows, found) {
            #expect(Logits.distance([logits], [try alone(model, row)]) <= 1e-5)
        }
    }

    /// The layer below all adapters runs once: a method that gives it something else only joins in.
    @Test func theBaseRunsOnce() throws {
        func products(_ model: MixedModel) throws -> Int {
            let graph = try model.forward().graph
            let live = graph.live(from: graph.outputs)
            return graph.nodes.indices.count { index in
                let node = graph.nodes[index]
                guard live[index], node.op == .matmul else { return false }
                return graph.node(node.inputs[1]).op == .frozen
            }
        }
        let members = try members([])
        // LoRA, (IA)³, prompt, none.
        let four = try MixedModel([members[0], members[1], members[2], members[8]])
        #expect(try products(four) == products(MixedModel(members[8])))
    }

    @Test func refusals() throws {
        let full = try MethodCase("FullFineTuning").model()
        let base = try AdaptedModel(full.model, method: nil, task: .causalLM, seed: 7)
        let error = #expect(throws: ModelError.self) { try MixedModel([full, base]) }
        #expect(error?.message.contains("FullFineTuning trains") == true)
        let lora = try MethodCase("LoRA", ["bias": "all"], base: .biased).model()
        let other = try AdaptedModel(lora.model, method: nil, task: .causalLM, seed: 7)
        #expect(throws: ModelError.self) { try MixedModel([lora, other]) }
        // Alone, any method is as it is.
        _ = MixedModel(full)
    }
}
