import Engine
import Formats
import Foundation
import Models
import Testing

/// SmolLM2-135M-Instruct, Q4_1, against transformers on the dequantised weights.
@Suite(.enabled(if: Fixtures.smolLM != nil, "the model file is not here"))
struct SmolLMTests {
    let model: AdaptedModel
    let expected: JSON

    init() throws {
        model = try .bare(Model(#require(Fixtures.smolLM)))
        expected = try Fixtures.json("goldens/forward/forward.json")
    }

    @Test func forward() throws {
        let hidden = try Safetensors(file: Fixtures.path("goldens/forward/hidden.safetensors")).tensors
        let inference = Inference(model, keepsHidden: true, pool: WorkerPool(threads: 2))
        for (index, prompt) in try #require(expected["prompts"]?.array).enumerated() {
            let ids = try #require(prompt["ids"]).ids
            let result = try inference.run(predicting([ids]))
            let last = result.logits(ids.count - 1).map(Double.init)
            let order = last.indices.sorted { last[$0] > last[$1] }
            let (top, values) = (try #require(prompt["top20_ids"]).ids, try #require(prompt["top20_logits"]).numbers)
            for (place, (id, value)) in zip(top, values).enumerated() {
                #expect(abs(last[Int(id)] - value) <= 2e-3)
                // Ties within 1e-3 may swap.
                #expect(order[place] == Int(id) || abs(last[order[place]] - last[Int(id)]) <= 1e-3)
            }
            let sum = try #require(prompt["logit_sum_last"]?.double)
            #expect(abs(last.reduce(0, +) - sum) <= 1e-4 * abs(sum))
            if let wanted = prompt["mean_nll"]?.double {
                let losses = ids.indices.dropLast().map { Self.loss(result.logits($0), Int(ids[$0 + 1])) }
                #expect(abs(losses.reduce(0, +) / Double(losses.count) - wanted) <= 1e-4 * wanted)
            }
            for (name, found) in [("last_hidden", result.lastHidden), ("layer1_out", result.firstBlock)] {
                let stored = FrozenTensor(try #require(hidden["\(name).\(index)"])).values().map(Double.init)
                #expect(relativeDistance(found.map(Double.init), stored) <= 2e-3)
            }
        }
    }

    @Test func greedyContinuations() throws {
        let inference = Inference(model, pool: WorkerPool(threads: 2))
        for item in try #require(expected["greedy"]?.array) {
            var ids = try #require(item["prompt"]).ids
            let wanted = try #require(item["continuation"]).ids
            let start = ids.count
            for _ in wanted {
                let batch = Batch(
                    rows: [ids], targetIndex: [Int32(ids.count - 1)], targetLabels: [-1], targetWeights: [0])
                let logits = Array(try inference.run(batch).logits(0))
                ids.append(Int32(logits.indices.max { logits[$0] < logits[$1] } ?? 0))
            }
            #expect(Array(ids[start...]) == wanted)
        }
    }

    private static func loss(_ logits: ArraySlice<Float>, _ label: Int) -> Double {
        let values = logits.map(Double.init)
        let largest = values.max() ?? 0
        return largest + log(values.reduce(0) { $0 + exp($1 - largest) }) - values[label]
    }
}
