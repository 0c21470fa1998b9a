import Engine
import Formats
import Foundation
import Models
import Programs
import Testing

/// The Llama family against transformers: logits, hidden states, losses, and the gradient of every parameter.
struct TinyModelTests {
    struct Case: Sendable, CustomTestStringConvertible {
        var folder: String
        /// nil: the folder with config.json and safetensors.
        var file: String?
        var expected = "expected.json"

        var path: String { Fixtures.path("tiny/\(folder)" + (file.map { "/" + $0 } ?? "")) }
        var testDescription: String { folder + (file.map { "/" + $0 } ?? "") }
    }

    static let cases =
        [
            "a-llama", "b-tied-gqa", "c-mqa-llama3rope-bf16", "d-biases", "e-mistral-window", "f-linear-rope",
            "g-head-dim-sharded", "h-theta-eps-f16", "h2-rope-parameters",
        ].map { Case(folder: $0) } + [
            Case(folder: "a-llama", file: "model-f32.gguf"),
            Case(folder: "a-llama", file: "model-mixed.gguf", expected: "expected-mixed-gguf.json"),
            Case(folder: "b-tied-gqa", file: "model-f32.gguf"),
            Case(folder: "c-mqa-llama3rope-bf16", file: "model-bf16.gguf"),
            Case(folder: "d-biases", file: "model-f32.gguf"),
            Case(folder: "f-linear-rope", file: "model-f16.gguf", expected: "expected-f16-gguf.json"),
        ]

    @Test(arguments: cases)
    func forward(_ item: Case) throws {
        let expected = try Fixtures.json("tiny/\(item.folder)/\(item.expected)")
        let model = try AdaptedModel.bare(Model(item.path))
        for prompt in ["len1", "len5", "len40", "batch"] {
            let rows = try Self.rows(expected, prompt)
            let result = try #require(expected["results"]?[prompt])
            let run = try Run(model, predicting(rows), gradients: false)
            var token = 0
            for (row, tokens) in rows.enumerated() {
                let positions = token..<token + tokens.count
                token += tokens.count
                let last = try #require(result["last_logits"]?.array?[row]).numbers
                #expect(relativeDistance(run.logits(positions.upperBound - 1), last) <= 1e-4)
                let all = positions.flatMap { run.logits($0) }
                let scale = try #require(result["sum_of_abs_logits"]?.numbers[row])
                let sum = try #require(result["sum_of_logits"]?.numbers[row])
                #expect(abs(all.reduce(0, +) - sum) <= 1e-4 * scale)
                let wanted = try #require(result["argmax"]?.array?[row]).ids
                for (place, best) in zip(positions, wanted) {
                    let logits = Array(run.logits(place))
                    let ranked = logits.indices.sorted { logits[$0] > logits[$1] }
                    let isTie = logits[ranked[0]] - logits[ranked[1]] <= 1e-4 * (logits.map(abs).max() ?? 0)
                    #expect(isTie || ranked[0] == Int(best), "\(prompt), row \(row), token \(place)")
                }
            }
            if let loss = result["mean_nll"]?.double { #expect(abs(run.loss - loss) <= 1e-5 * loss) }
            if let all = result["all_logits"]?.array {
                #expect(all.count == rows[0].count)
                for (place, logits) in all.enumerated() {
                    #expect(relativeDistance(run.logits(place), logits.numbers) <= 1e-4)
                }
            }
            if let states = result["hidden_last_position"]?.array {
                let hidden = model.model.configuration.hiddenSize
                #expect(states.count == model.model.configuration.layers + 1)
                #expect(relativeDistance(run.firstBlock.suffix(hidden), states[1].numbers) <= 1e-4)
                #expect(relativeDistance(run.last.suffix(hidden), states[states.count - 1].numbers) <= 1e-4)
            }
        }
    }

    @Test(arguments: cases)
    func gradients(_ item: Case) throws {
        let expected = try Fixtures.json("tiny/\(item.folder)/\(item.expected)")
        guard let prompts = expected["gradients"]?.members else { return }
        let model = try AdaptedModel.bare(Model(item.path))
        for prompt in prompts {
            let run = try Run(model, predicting(Self.rows(expected, prompt.key)), gradients: true)
            try Self.compare(run, prompt.value, prompt.key)
        }
    }

    @Test func classifier() throws {
        let expected = try Fixtures.json("tiny/n-llama-cls/expected.json")
        let task = Task.sequenceClassification(labels: 3)
        let model = try AdaptedModel(Model(Fixtures.path("tiny/n-llama-cls")), method: nil, task: task, seed: 0)
        for prompt in try #require(expected["results"]?.members) {
            let rows = try Self.rows(expected, prompt.key)
            let stated = try #require(expected["labels"]?[prompt.key])
            let labels = stated.int.map { [Int32($0)] } ?? stated.ids
            let batch = classifying(rows, labels)
            let wanted = expected["gradients"]?[prompt.key]
            let run = try Run(model, batch, gradients: wanted != nil)
            for (row, logits) in try #require(prompt.value["logits"]?.array).enumerated() {
                #expect(relativeDistance(run.logits(row), logits.numbers) <= 1e-4)
            }
            let loss = try #require(prompt.value["mean_nll"]?.double)
            #expect(abs(run.loss - loss) <= 1e-5 * loss)
            if let wanted { try Self.compare(run, wanted, prompt.key) }
        }
    }

    /// Every row of a pack gives what it gives alone, gradients and bits of other threads included.
    @Test(arguments: ["b-tied-gqa", "e-mistral-window"])
    func packingDoesNotShow(_ folder: String) throws {
        let model = try AdaptedModel.bare(Model(Fixtures.path("tiny/\(folder)")))
        let rows = try Self.rows(Fixtures.json("tiny/\(folder)/expected.json"), "batch")
        let packed = try Run(model, predicting(rows), gradients: true)
        let single = try Run(model, predicting(rows), gradients: true, threads: 1)
        #expect(packed.logits == single.logits)
        #expect(packed.gradients == single.gradients)
        var token = 0
        for row in rows {
            let alone = try Run(model, predicting([row]), gradients: false)
            let part = packed.logits[token * packed.width..<(token + row.count) * packed.width]
            #expect(relativeDistance(part, alone.logits) <= 1e-5)
            token += row.count
        }
    }

    static func rows(_ expected: JSON, _ prompt: String) throws -> [[Int32]] {
        let array = try #require(expected["prompts"]?[prompt]?.array)
        return array.first?.array == nil ? [array.map { Int32($0.int ?? -1) }] : array.map(\.ids)
    }

    /// Norms of all gradients, values of some: whole vectors, or the corner [:4,:8] of a matrix.
    static func compare(_ run: Run, _ expected: JSON, _ prompt: String) throws {
        let loss = try #require(expected["loss"]?.double)
        #expect(abs(run.loss - loss) <= 1e-5 * loss)
        let norms = try #require(expected["frobenius"]?.members)
        #expect(Set(norms.map(\.key)) == Set(run.gradients.keys))
        for member in norms {
            let wanted = try #require(member.value.double)
            guard wanted > 1e-6, let gradient = run.gradients[member.key] else { continue }
            let found = norm(gradient)
            #expect(abs(found - wanted) <= 1e-3 * wanted, "\(prompt) \(member.key): \(found), not \(wanted)")
        }
        for member in expected["values"]?.members ?? [] {
            let name = String(member.key.prefix { $0 != "[" })
            let gradient = try #require(run.gradients[name])
            let wanted = member.value.numbers
            let width = try #require(run.widths[name])
            let found =
                name == member.key ? gradient : wanted.indices.map { gradient[$0 / 8 * width + $0 % 8] }
            let worst = zip(found, wanted).map { abs($0 - $1) }.max() ?? .infinity
            #expect(found.count == wanted.count && worst <= 1e-3 * norm(gradient), "\(prompt) \(name): off by \(worst)")
        }
    }
}

extension AdaptedModel {
    static func bare(_ model: Model) throws -> AdaptedModel {
        try AdaptedModel(model, method: nil, task: .causalLM, seed: 0)
    }
}
