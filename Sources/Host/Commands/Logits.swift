import Adapters
import ArgumentParser
import Engine
import Formats
import Foundation
import Models
import PluginHost
import Programs
import Terminal
import Training

struct Logits: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Print what a model makes of token ids: its largest logits, as JSON.")

    @OptionGroup var source: ModelOptions
    @Option(help: "causal-lm or seq-cls. (default: the adapter's, else causal-lm)") var task: TaskOption?
    @Option(help: "Token ids between commas.") var ids: String
    @Option(help: "How many of the largest logits.") var top = 20
    @Option(help: "Go on greedily for exactly so many tokens, and say how fast the prompt and they were read.")
    var greedy: Int?
    @Option(help: "Write last_hidden and layer1_out (T, hidden) into this safetensors file.") var hidden: String?

    func validate() throws {
        _ = try parsedIDs()
        if source.adapter.count > 1 { throw ValidationError("--adapter: one at most") }
        if !(1...1_000_000).contains(top) { throw ValidationError("--top \(top): at least 1") }
        if let greedy, !(0...1_000_000).contains(greedy) { throw ValidationError("--greedy \(greedy): 0 or more") }
    }

    func run() throws {
        let adapted = try source.adapters().first?.model ?? bare(source.base())
        try Features.check(adapted.method, nil)
        guard task == nil || (task == .causalLM) == (adapted.task == .causalLM) else {
            throw AdapterError(
                "it was trained for \(adapted.task.name)", place: source.adapter[0], remedy: "leave --task out")
        }
        let isLanguage = adapted.task == .causalLM
        if greedy != nil, !isLanguage { throw ValidationError("--greedy is for causal-lm") }
        let prompt = try parsedIDs()
        let vocabulary = adapted.model.configuration.vocabulary
        if let wrong = prompt.first(where: { !(0..<Int32(vocabulary)).contains($0) }) {
            throw TrainingError("token id \(wrong) is outside the vocabulary of \(vocabulary)", place: "--ids")
        }
        // The last token of a continuation is not read by the model.
        let virtual = adapted.prefix
        let longest = prompt.count + virtual.tokens + Swift.max((greedy ?? 0) - 1, 0)
        guard longest + virtual.keys <= adapted.model.configuration.context else {
            throw TrainingError(
                "\(longest + virtual.keys) tokens, more than the model's context of \(adapted.model.configuration.context)",
                place: greedy == nil ? "--ids" : "--ids with --greedy", remedy: "give fewer")
        }
        let ids = virtual.before(prompt)
        let first = isLanguage ? virtual.tokens : ids.count - 1
        let positions = (first..<ids.count).map { Int32($0) }
        let pool = source.threads.pool()
        let result = try Inference(adapted, keepsHidden: hidden != nil, pool: pool).run(
            Batch(
                rows: [ids], targetIndex: positions, targetLabels: positions.map { _ in 0 },
                targetWeights: positions.map { _ in 0 }))
        let last = result.logits(positions.count - 1)
        let best = last.largest(top)
        var members: [JSON.Member] = [
            .init("top_ids", .array(best.map { .integer(Int64($0)) })),
            .init("top_logits", .array(best.map { .number(Double(last[last.startIndex + $0])) })),
            .init("logit_sum", .number(last.reduce(0.0) { $0 + Double($1) })),
            .init(
                "mean_nll",
                isLanguage && positions.count > 1
                    ? .number(meanLoss(result, prompt)) : .null),
        ]
        if let hidden { try write(result, to: hidden, tokens: ids.count) }
        if let greedy { members += try continuation(adapted, prompt, greedy, pool) }
        Output.line(JSON.object(members).text())
    }

    /// The most probable tokens behind the prompt, one by one, and tokens per second: the prompt's, read at once, and theirs.
    private func continuation(
        _ adapted: AdaptedModel, _ prompt: [Int32], _ count: Int, _ pool: WorkerPool
    ) throws -> [JSON.Member] {
        guard count > 0 else { return [.init("continuation", .array([]))] }
        let generator = try Generator(adapted, context: prompt.count + count - 1, pool: pool)
        let clock = ContinuousClock()
        var tokens: [Int32] = []
        func read(_ ids: [Int32]) { tokens.append(Int32(generator.read(ids)[...].largest(1)[0])) }
        let first = clock.measure { read(prompt) }
        let others = clock.measure { for _ in 1..<count { read([tokens[tokens.count - 1]]) } }
        return [
            .init("continuation", .array(tokens.map { .integer(Int64($0)) })),
            .init("prompt_tokens_per_second", .number(Double(prompt.count) / (first / .seconds(1)))),
            .init(
                "decode_tokens_per_second", count > 1 ? .number(Double(count - 1) / (others / .seconds(1))) : .null),
        ]
    }

    /// - Parameter base: without an adapter.
    private func bare(_ base: Model) throws -> AdaptedModel {
        guard task == .sequenceClassification else {
            return try AdaptedModel(base, method: nil, task: .causalLM, seed: 0)
        }
        guard let labels = base.scoreLabels else {
            throw ModelError(
                "the model has no classification head", place: base.path, remedy: "give an --adapter that has one")
        }
        return try AdaptedModel(base, method: nil, task: .sequenceClassification(labels: labels), seed: 0)
    }

    private func parsedIDs() throws -> [Int32] {
        let ids = ids.split(separator: ",", omittingEmptySubsequences: false).map {
            Int32($0.drop { $0 == " " }) ?? Int32.min
        }
        guard !ids.contains(Int32.min) else {
            throw ValidationError("--ids \(self.ids): numbers between commas, such as 1,2,3")
        }
        return ids
    }

    private func meanLoss(_ result: Inference.Result, _ ids: [Int32]) -> Double {
        let losses = ids.indices.dropLast().map {
            Evaluation.negativeLogLikelihood(result.logits($0), Int(ids[$0 + 1]))
        }
        return losses.reduce(0, +) / Double(losses.count)
    }

    private func write(_ result: Inference.Result, to path: String, tokens: Int) throws {
        let shape = [tokens, result.lastHidden.count / tokens]
        try SafetensorsWriter.write(
            [
                .init("last_hidden", shape: shape, .floats(result.lastHidden)),
                .init("layer1_out", shape: shape, .floats(result.firstBlock)),
            ], to: path)
    }
}
