import ArgumentParser
import Formats
import Foundation
import Generation
import Models
import Terminal
import Text
import Training

/// How a model writes. Names and defaults are Hugging Face's, where it has the option.
struct GenerationOptions: ParsableArguments {
    @Option(help: "Tokens of an answer at most.") var maxNewTokens = 256
    @Option(help: "0: always the most probable token; above: sample, the wilder the larger.") var temperature = 0.0
    @Option(help: "Sample from so many of the most probable tokens; 0: from all.") var topK = 50
    @Option(help: "Sample from the most probable tokens that together reach this probability.") var topP = 1.0
    @Option(help: "Leave out tokens of less than this part of the largest probability.") var minP = 0.0
    @Option(help: "Make tokens of the text less probable by this factor; 1: no change.") var repetitionPenalty = 1.0
    @Option(help: "Of the random numbers: the same seed gives the same answer.") var seed: UInt64 = 0
    @Option(help: "End the answer before this text. (repeatable)") var stop: [String] = []

    func validate() throws {
        if !(1...1_000_000).contains(maxNewTokens) {
            throw ValidationError("--max-new-tokens \(maxNewTokens): at least 1")
        }
        if !(0...1000).contains(temperature) { throw ValidationError("--temperature \(temperature): 0 to 1000") }
        if topK < 0 { throw ValidationError("--top-k \(topK): 0 or more") }
        if !(topP > 0 && topP <= 1) { throw ValidationError("--top-p \(topP): above 0, up to 1") }
        if !(0...1).contains(minP) { throw ValidationError("--min-p \(minP): 0 to 1") }
        if !(repetitionPenalty > 0 && repetitionPenalty <= 1000) {
            throw ValidationError("--repetition-penalty \(repetitionPenalty): above 0, up to 1000")
        }
        if stop.contains("") { throw ValidationError("--stop: a text that is not empty") }
    }

    func options(slides: Bool = false) -> Writer.Options {
        var sampling = Sampling()
        (sampling.temperature, sampling.topK, sampling.topP) = (temperature, topK, topP)
        (sampling.minP, sampling.repetitionPenalty, sampling.seed) = (minP, repetitionPenalty, seed)
        return Writer.Options(limit: maxNewTokens, sampling, stops: stop, slides: slides)
    }
}

struct Generate: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Write on from prompts, with a base or an adapter.",
        discussion:
            "Prints each answer as it is written, or, of prompts from files, a few at a time. Prompts are taken as they are, or with --chat as a user's turn."
    )

    @OptionGroup var source: ModelOptions
    @Option(help: "A text to write on from. (repeatable)") var prompt: [String] = []
    @Flag(help: "Each prompt is what a user says: put it into the model's chat template.") var chat = false
    @Option(help: "With --chat, what the model is told before the user's turn.") var system: String?
    @OptionGroup var generation: GenerationOptions
    @Flag(help: "Where the context is full, go on with the latest half of the text.") var slide = false
    @Option(help: "How many prompts from files and --prompt are answered at once; an answer does not depend on it.")
    var batchSize = 8
    @Flag(help: "One JSON line an answer.") var json = false
    @Argument(
        help: ArgumentHelp(
            "Files of prompts: .tsv, .csv and .jsonl have a column prompt, messages or text, others one prompt a line. (default: lines of standard input)"
        ))
    var files: [String] = []

    func validate() throws {
        if system != nil, !chat { throw ValidationError("--system is for --chat") }
        if !(1...512).contains(batchSize) { throw ValidationError("--batch-size \(batchSize): 1 to 512") }
    }

    /// What is gone on from.
    private struct Request {
        enum Content {
            case text(String)
            case messages([JSON])
        }

        var content: Content
        /// The name of the adapter that is asked for.
        var adapter: String?
        var place: String
    }

    func run() throws {
        let given =
            prompt.map { Request(content: .text($0), place: "--prompt") } + (try files.flatMap { try requests($0) })
        let choice = try source.writers()
        let tokenizer = try choice.model.model.tokenizer()
        let isChat = chat || given.contains { if case .messages = $0.content { true } else { false } }
        let prompts = try Prompts(tokenizer, isChat: isChat)
        let pool = source.threads.pool()
        let options = generation.options(slides: slide)
        if prompt.isEmpty, files.isEmpty {
            // Each line is answered before the next is read: a program may wait for it.
            let writer = try Writer(choice.model, tokenizer, longest: .max, pool: pool)
            var line = 0
            while let bytes = StandardInput.line() {
                line += 1
                guard bytes.contains(where: { !$0.isWhiteSpace }) else { continue }
                let text = String(decoding: bytes, as: UTF8.self)
                let request = Request(content: .text(text), place: "standard input:\(line)")
                try answer([(request, prepare(request, prompts, choice))], with: writer, options, choice)
            }
            return
        }
        guard !given.isEmpty else { return }
        let all = try given.map { (request: $0, prompt: try prepare($0, prompts, choice)) }
        let longest = all.map(\.prompt.tokens.count).max()! + generation.maxNewTokens
        let rows = Swift.min(batchSize, all.count)
        let writer = try Writer(choice.model, tokenizer, longest: longest, rows: rows, pool: pool)
        for (request, prompt) in all { try writer.check(prompt, options, place: request.place) }
        for start in stride(from: 0, to: all.count, by: rows) {
            try answer(
                Array(all[start..<Swift.min(start + rows, all.count)]), with: writer, options, choice)
        }
    }

    private func prepare(_ request: Request, _ prompts: Prompts, _ choice: AdapterChoice) throws -> Prompt {
        let tokens =
            switch request.content {
            case .text(let text) where chat:
                try prompts.tokens(
                    of: (system.map { [Prompts.message("system", $0)] } ?? []) + [Prompts.message("user", text)])
            case .text(let text): prompts.tokens(of: text)
            case .messages(let messages): try prompts.tokens(of: messages)
            }
        guard !tokens.isEmpty else { throw GenerationError("the prompt has no tokens", place: request.place) }
        return Prompt(tokens, member: try choice.number(of: request.adapter, place: request.place))
    }

    private func answer(
        _ requests: [(request: Request, prompt: Prompt)], with writer: Writer, _ options: Writer.Options,
        _ choice: AdapterChoice
    ) throws {
        let begun = Date()
        let prompts = requests.map(\.prompt)
        for prompt in prompts { try writer.check(prompt, options, place: requests[0].request.place) }
        // Of several answers at once none can be shown in pieces.
        let streams = !json && requests.count == 1
        let answers = try writer.write(after: prompts, options) { if streams { Output.text($1) } }
        let seconds = -begun.timeIntervalSinceNow
        for ((request, prompt), answer) in zip(requests, answers) {
            guard json else {
                if !streams { Output.text(answer.text) }
                Output.text(answer.text.hasSuffix("\n") ? "" : "\n")
                continue
            }
            let asked: JSON.Member =
                switch request.content {
                case .text(let text): .init("prompt", .string(text))
                case .messages(let messages): .init("messages", .array(messages))
                }
            let adapter: [JSON.Member] =
                choice.names.count > 1 ? [.init("adapter", .string(choice.names[prompt.member]))] : []
            Output.line(
                JSON.object(
                    [asked] + adapter + [
                        .init("generated_text", .string(answer.text)),
                        .init("finish_reason", .string(answer.reason.rawValue)),
                        .init("prompt_tokens", .integer(Int64(prompt.tokens.count))),
                        .init("generated_tokens", .integer(Int64(answer.tokens.count))),
                        .init("seconds", .number(seconds)),
                    ]
                ).text())
        }
    }

    private func requests(_ file: String) throws -> [Request] {
        try DataSource.texts(file).map { row in
            let adapter = row.record["adapter"]?.string
            if let messages = row.record["messages"]?.array {
                return Request(content: .messages(messages), adapter: adapter, place: row.place)
            }
            guard let text = (row.record["prompt"] ?? row.record["text"])?.string else {
                throw GenerationError(
                    "there is no \"prompt\"", place: row.place,
                    remedy: "the columns are \(row.record.values.keys.sorted().joined(separator: ", "))")
            }
            return Request(content: .text(text), adapter: adapter, place: row.place)
        }
    }
}
