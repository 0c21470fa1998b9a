import Engine
import Models
import PluginCheck
import Testing

/// LLaMA-Adapter with features of the rows in place of its prompts.
struct FeatureTests {
    private static let rows: [[Int32]] = [[1, 4, 2], [9, 3], [3, 5, 9, 9]]
    private let pool = WorkerPool(threads: 1)

    private func model(_ options: [String: String]) throws -> AdaptedModel {
        let given = ["adapter_len": "3", "adapter_layers": "2"].merging(options) { $1 }
        let model = try MethodCase("LlamaAdapter", given).model()
        for (number, entry) in model.tensors.entries.enumerated() where entry.name.hasSuffix("gate") {
            model.tensors[number] = [0.7]
        }
        return model
    }

    /// The logits at the last token of every row.
    private func logits(_ model: AdaptedModel, _ features: [[Float]]) throws -> [[Float]] {
        var batch = Batch(
            classifying: Self.rows, labels: Self.rows.map { _ in 0 }, weights: Self.rows.map { _ in 0 })
        batch.rowInputs["features"] = features.map { FrozenTensor($0, shape: [3, $0.count / 3]) }
        let result = try Inference(model, pool: pool).run(batch)
        return Self.rows.indices.map { Array(result.logits($0)) }
    }

    /// The same features in every row, and a projection that leaves them as they are.
    @Test func equalFeaturesAreAPrompt() throws {
        var random = RandomNumbers(seed: 2)
        let prompt = (0..<24).map { _ in Float.random(in: -1...1, using: &random) }
        let (plain, featured) = (try model([:]), try model(["feature_size": "8"]))
        let identity = (0..<64).map { Float($0 / 8 == $0 % 8 ? 1 : 0) }
        for (model, name, values) in [(plain, "prompt", prompt), (featured, "projection.weight", identity)] {
            for (number, entry) in model.tensors.entries.enumerated() where entry.name.hasSuffix("_" + name) {
                model.tensors[number] = values
            }
        }
        let expected = try logits(plain, [])
        for (a, b) in zip(try logits(featured, Self.rows.map { _ in prompt }).joined(), expected.joined()) {
            #expect(abs(a - b) <= 1e-5)
        }
    }

    @Test func featuresAreTheirRowsOwn() throws {
        let model = try model(["feature_size": "4"])
        var random = RandomNumbers(seed: 6)
        var features = Self.rows.map { _ in (0..<12).map { _ in Float.random(in: -1...1, using: &random) } }
        let before = try logits(model, features)
        features[1] = features[1].map { $0 + 1 }
        let after = try logits(model, features)
        #expect(before[0] == after[0] && before[2] == after[2])
        #expect(zip(before[1], after[1]).contains { abs($0 - $1) > 1e-3 })
    }
}
