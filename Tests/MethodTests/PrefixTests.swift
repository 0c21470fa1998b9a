import Engine
import Models
import PluginCheck
import PluginHost
import Testing

/// A prefix that starts at a text is what the frozen model keeps of that text.
struct PrefixTests {
    private static let text = "cabbage"
    private let pool = WorkerPool(threads: 1)

    private func lastLogits(_ model: AdaptedModel, _ row: [Int32]) throws -> [Float] {
        let batch = Batch(
            rows: [row], targetIndex: [Int32(row.count - 1)], targetLabels: [0], targetWeights: [0])
        return try Inference(model, pool: pool).run(batch).logits
    }

    @Test(
        arguments: [
            (7, [:]), (3, [:]), (9, [:]), (4, ["prefix_projection": "true", "encoder_hidden_size": "8"]),
        ], [Base.biased, .windowed])
    func startsAtAText(_ prefix: (count: Int, options: [String: String]), base: Base) throws {
        let (count, options) = prefix
        let given = ["num_virtual_tokens": "\(count)", "init_text": Self.text]
        let item = MethodCase("PrefixTuning", given.merging(options) { $1 }, base: base)
        let bare = try base.bare(.causalLM)
        let ids = ToyModel.tokenize(Self.text)
        let before = (0..<count).map { ids[$0 % ids.count] }
        let (found, expected) = (
            try lastLogits(item.model(), [3, 8, 1]), try lastLogits(bare, before + [3, 8, 1])
        )
        for (a, b) in zip(found, expected) { #expect(abs(a - b) <= 1e-4) }
    }

    @Test(arguments: [
        (["num_virtual_tokens": "2", "init_text": "a", "init_weights": "zero"], "give one of them"),
        (
            ["num_virtual_tokens": "3", "init_text": "a", "prefix_projection": "true", "encoder_hidden_size": "5"],
            "at least 2 · num_virtual_tokens"
        ),
        (["num_virtual_tokens": "2", "layers_to_transform": "0"], "no targets to choose"), ([:], "num_virtual_tokens"),
    ])
    func refusals(options: [String: String], words: String) throws {
        let error = #expect(throws: PluginError.self) { try MethodCase("PrefixTuning", options).model() }
        #expect(error?.description.contains(words) == true, "\(error?.description ?? "")")
    }
}
