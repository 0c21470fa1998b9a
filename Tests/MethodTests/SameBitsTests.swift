import Engine
import Foundation
import Models
import PluginCheck
import Programs
import Testing
import Training

/// What saves time or memory changes no bit of what is computed.
struct SameBitsTests {
    /// Batches that share rows and pack them differently.
    static let batches: [[[Int32]]] = [
        [[1, 4, 2, 7], [3, 5, 9]], [[3, 5, 9], [8, 2, 6, 6, 1]], [[1, 4, 2, 7]],
        [[8, 2, 6, 6, 1], [3, 5, 9], [1, 4, 2, 7]],
    ]

    /// The loss of every batch and the gradients of all tensors, one after the other.
    static func results(_ model: AdaptedModel, recomputed: Int = 0, keepingIn folder: String? = nil) throws -> [Float] {
        let capacity = batches.map { model.trainingBatch($0).sizes }.reduce(Sizes(tokens: 0, rows: 0, targets: 0)) {
            $0.union($1)
        }
        let program = try GradientProgram(
            model, capacity: capacity, recomputed: recomputed, keepingIn: folder, pool: WorkerPool(threads: 1))
        return batches.enumerated().flatMap { step, rows in
            let loss = program.run(model.trainingBatch(rows), step: step, microBatch: 0, accumulates: false)
            program.release()
            return [Float(loss)] + model.tensors.gradients.floatArray
        }
    }

    static func stretchCount(_ program: AdaptedProgram) throws -> Int {
        let (graph, _, forward) = try GradientProgram.graph(of: program)
        return graph.stretches(forward: forward).count
    }

    @Test(arguments: MethodCase.all) func activationsComputedTwice(_ item: MethodCase) throws {
        let bench = try item.bench()
        let model = try bench.moved()
        let stretches = try Self.stretchCount(model.program)
        #expect(stretches >= 2)
        #expect(try Self.results(model, recomputed: stretches) == Self.results(model))
    }

    @Test(arguments: MethodCase.all) func activationsKeptOfRows(_ item: MethodCase) throws {
        let bench = try item.bench()
        let model = try bench.moved()
        #expect(try Self.results(model, keepingIn: bench.folder) == Self.results(model))
    }

    /// A program that trains the top layer only keeps what the layers below make of a row, in training and in inference.
    @Test func rowsAreKeptBelowTheLowestTrainedLayer() throws {
        let bench = try MethodCase("LoRA", ["r": "2", "layers_to_transform": "1"]).bench()
        let model = try bench.moved()
        let training = RowSplit(try GradientProgram.graph(of: model.program).graph)
        #expect(training.saved > 0.3 && !training.kept.isEmpty)
        #expect(RowSplit(try Inference.graph(of: model.program)).saved > 0.4)
        let inference = Inference(model, keepingIn: bench.folder, pool: WorkerPool(threads: 1))
        let first = try inference.logits(Logits.rows)
        #expect(try inference.logits(Logits.rows) == first)
        #expect(try Logits.of(model) == first)
    }

    /// Less memory is needed where activations are computed twice.
    @Test func recomputationSavesMemory() throws {
        let program = try MethodCase("LoRA", ["r": "2"]).model().program
        let capacity = Sizes(tokens: 512, rows: 4, targets: 4)
        let arenas = try [0, 100].map { count in
            let (graph, _, forward) = try GradientProgram.graph(of: program)
            return Executable.arenaCount(
                graph, capacity: capacity, recomputing: graph.recomputation(count, forward: forward))
        }
        #expect(Double(arenas[1]) < 0.8 * Double(arenas[0]), "\(arenas)")
    }

    /// What draws numbers below the trained layer, or reads inputs of rows there, is not kept.
    @Test func dropoutBelowIsNotKept() throws {
        let options = ["r": "2", "target_modules": "q_proj,v_proj"]
        let plain = try MethodCase("LoRA", options.merging(["layers_to_transform": "1"]) { $1 }).model()
        let dropping = try MethodCase("LoRA", options.merging(["lora_dropout": "0.5"]) { $1 }).model()
        let shares = try [plain, dropping].map { RowSplit(try GradientProgram.graph(of: $0.program).graph).saved }
        #expect(shares[0] > 0.3 && shares[1] < 0.1, "\(shares)")
    }

    /// Rows with a common beginning, which a batch computes once.
    static let related: [[Int32]] = [
        [1, 4, 2, 7, 3, 3, 8, 2, 6], [1, 4, 2, 7, 3, 3, 8, 2, 5, 9, 9], [1, 4, 2, 7, 3, 3, 8, 2],
    ]

    /// What a batch of related rows gives is what its rows give alone: logits, and gradients summed over the rows.
    @Test(arguments: MethodCase.all) func sharedPrefixes(_ item: MethodCase) throws {
        let bench = try item.bench()
        let model = try bench.moved()
        guard !model.isRandom, model.method?.rowInputs.isEmpty ?? true else { return }
        let inference = Inference(model, pool: WorkerPool(threads: 2))
        let alone = try Self.related.map { try inference.logits([$0])[0] }
        #expect(Logits.distance(try inference.logits(Self.related), alone) <= 1e-5)

        guard model.task == .causalLM else { return }
        let whole = model.trainingBatch(Self.related)
        let graph = try GradientProgram.graph(of: model.program).graph
        let keysInFront = model.prefix.keys > 0
        #expect(graph.sharesPrefixes == !keysInFront)
        #expect(whole.sharingPrefix().sharedTokens == 8 + model.prefix.tokens)
        let program = try GradientProgram(model, capacity: whole.sizes, pool: WorkerPool(threads: 2))
        func gradients(_ batch: Batch) -> [Float] {
            _ = program.run(batch, step: 0, microBatch: 0, accumulates: false)
            return model.tensors.gradients.floatArray
        }
        var expected = [Float](repeating: 0, count: model.tensors.gradients.count)
        for row in Self.related {
            let batch = model.trainingBatch([row])
            let share = Float(batch.targetIndex.count) / Float(whole.targetIndex.count)
            for (index, value) in gradients(batch).enumerated() { expected[index] += share * value }
        }
        let found = gradients(whole)
        let largest = expected.reduce(0) { max($0, abs($1)) }
        #expect(zip(found, expected).allSatisfy { abs($0 - $1) <= 1e-5 * max(1, largest) })
    }

    /// What draws numbers for tokens, or reads of a row more than attention shows, does not share.
    @Test func dropoutSharesNothing() throws {
        let dropping = try MethodCase("LoRA", ["r": "2", "lora_dropout": "0.5"]).model().program
        #expect(try !GradientProgram.graph(of: dropping).graph.sharesPrefixes)
        let features = MethodCase(
            "LlamaAdapter", ["adapter_len": "2", "adapter_layers": "1", "feature_size": "5"], base: .biased)
        #expect(try !GradientProgram.graph(of: features.model().program).graph.sharesPrefixes)
    }
}
