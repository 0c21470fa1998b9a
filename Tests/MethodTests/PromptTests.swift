import Adapters
import Engine
import Models
import PluginCheck
import PluginHost
import Programs
import Testing
import Training

/// A prompt that starts as the embeddings of a text is that text: where its tokens stand, what sees them, and what the loss
/// asks for follow from the frozen model alone.
struct PromptTests {
    private static let text = "cabbage"
    private static let rows: [[Int32]] = [[3, 8, 1], [5], [9, 9, 0, 12, 2]]
    private let pool = WorkerPool(threads: 1)

    private func prompt(_ count: Int, base: Base = .plain, task: Task = .causalLM) throws -> AdaptedModel {
        let options = [
            "num_virtual_tokens": "\(count)", "prompt_tuning_init": "TEXT", "prompt_tuning_init_text": Self.text,
        ]
        return try MethodCase("PromptTuning", options, base: base, task: task).model()
    }

    /// The same rows with the text's tokens in front, cut or repeated.
    private func spelled(_ count: Int) -> [[Int32]] {
        let ids = ToyModel.tokenize(Self.text)
        return Self.rows.map { (0..<count).map { ids[$0 % ids.count] } + $0 }
    }

    private func bare(_ base: Base = .plain, task: Task = .causalLM) throws -> AdaptedModel {
        try base.bare(task)
    }

    /// The logits at every token of every row, packed.
    private func logits(_ model: AdaptedModel, _ rows: [[Int32]]) throws -> [Float] {
        let targets = (0..<Int32(rows.reduce(0) { $0 + $1.count })).map { $0 }
        let batch = Batch(
            rows: rows, targetIndex: targets, targetLabels: targets.map { _ in 0 },
            targetWeights: targets.map { _ in 0 })
        return try Inference(model, pool: pool).run(batch).logits
    }

    @Test(arguments: [(7, Base.plain), (2, .biased), (17, .plain)])
    func standsForItsText(count: Int, base: Base) throws {
        let model = try prompt(count, base: base)
        #expect(model.prefix == RowPrefix(tokens: count))
        let found = try logits(model, Self.rows.map { model.prefix.before($0) })
        let expected = try logits(bare(base), spelled(count))
        try #require(found.count == expected.count)
        for (a, b) in zip(found, expected) { #expect(abs(a - b) <= 1e-5) }
    }

    /// A row of T tokens has T targets: the text's last token predicts its first.
    @Test func asksForEveryTokenOfARow() throws {
        let model = try prompt(4)
        let examples = Self.rows.map { row in
            Example(tokens: row, isTarget: row.map { _ in true }).behind(model.prefix)
        }
        #expect(examples.map(\.targetCount) == [3, 1, 5])
        let batch = Batch(examples, scale: 1 / 9) { _ in 1 }
        let loss = try GradientProgram(model, capacity: batch.sizes, pool: pool).run(
            batch, step: 0, microBatch: 0, accumulates: false)

        let rows = spelled(4)
        let logits = try logits(bare(), rows)
        let width = logits.count / rows.joined().count
        var (expected, token) = (0.0, 0)
        for row in rows {
            for position in 4..<row.count {
                let start = (token + position - 1) * width
                expected += Evaluation.negativeLogLikelihood(logits[start..<start + width], Int(row[position])) / 9
            }
            token += row.count
        }
        #expect(abs(loss - expected) <= 1e-5 * expected)
    }

    @Test func poolsTheLastTokenOfARow() throws {
        let task = Task.sequenceClassification(labels: 3)
        let model = try prompt(4, task: task)
        let examples = Self.rows.enumerated().map { Example(tokens: $1, label: Int32($0)).behind(model.prefix) }
        let batch = Batch(examples, scale: 1 / 3) { _ in 1 }
        let found = try Inference(model, pool: pool).run(batch).logits
        let expected = try Inference(bare(task: task), pool: pool).run(
            Batch(classifying: spelled(4), labels: [0, 1, 2], weights: [0, 0, 0])
        ).logits
        try #require(found.count == 9 && expected.count == 9)
        for (a, b) in zip(found, expected) { #expect(abs(a - b) <= 1e-5) }
    }

    @Test func samplesTheVocabulary() throws {
        let options = ["num_virtual_tokens": "24", "prompt_tuning_init": "SAMPLE_VOCAB"]
        let model = try MethodCase("PromptTuning", options).model()
        let table = try model.model.tensor("model.embed_tokens.weight", shape: [13, 8]).values()
        let rows = stride(from: 0, to: table.count, by: 8).map { Array(table[$0..<$0 + 8]) }
        let prompt = model.tensors[0]
        let drawn = stride(from: 0, to: prompt.count, by: 8).map { rows.firstIndex(of: Array(prompt[$0..<$0 + 8])) }
        #expect(drawn.count == 24 && !drawn.contains(nil))
        // 24 of 13: fewer than 7 different ones have a chance of less than 1e-4.
        #expect(Set(drawn).count >= 7)
    }

    @Test(arguments: [
        ("PromptTuning", [:], "num_virtual_tokens"),
        ("PromptTuning", ["num_virtual_tokens": "0"], "num_virtual_tokens"),
        ("PromptTuning", ["num_virtual_tokens": "2", "prompt_tuning_init": "TEXT"], "prompt_tuning_init_text"),
        ("PromptTuning", ["num_virtual_tokens": "2", "prompt_tuning_init": "text"], "RANDOM"),
        ("PromptTuning", ["num_virtual_tokens": "2", "target_modules": "q_proj"], "no targets"),
        ("PTuning", ["num_virtual_tokens": "2", "encoder_reparameterization_type": "GRU"], "MLP"),
        ("PTuning", ["num_virtual_tokens": "65536", "encoder_reparameterization_type": "LSTM"], "num_virtual_tokens"),
    ])
    func refusals(plugin: String, options: [String: String], words: String) throws {
        let error = #expect(throws: PluginError.self) { try MethodCase(plugin, options).model() }
        #expect(error?.description.contains(words) == true, "\(error?.description ?? "")")
    }
}
