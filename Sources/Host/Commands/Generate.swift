import ArgumentParser
import Formats
import Foundation
import Generation
import Models
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

    var sampling: Sampling {
        var sampling = Sampling()
        (sampling.temperature, sampling.topK, sampling.topP) = (temperature, topK, topP)
        (sampling.minP, sampling.repetitionPenalty, sampling.seed) = (minP, repetitionPenalty, seed)
        return sampling
    }
}

struct Generate: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Write on from prompts, with a base or an adapter.",
        discussion:
            "Prints each answer as it is written. Prompts are taken as they are, or with --chat as a user's turn.")

    @OptionGroup var source: ModelOptions
    @Option(help: "A text to write on from. (repeatable)") var prompt: [String] = []
    @Flag(help: "Each prompt is what a user says: put it into the model's chat template.") var chat = false
    @Option(help: "With --chat, what the model is told before the user's turn.") var system: String?
    @OptionGroup var generation: GenerationOptions
    @Flag(help: "Where the context is full, go on with the latest half of the text.") var slide = false
    @Flag(help: "One JSON line an answer.") var json = false
    @Argument(
        help: ArgumentHelp(
            "Files of prompts: .tsv, .csv and .jsonl have a column prompt, messages or text, others one prompt a line. (default: lines of standard input)"
        ))
    var files: [String] = []

    func validate() throws {
        if system != nil, !chat { throw ValidationError("--system is for --chat") }
    }

    /// What is gone on from.
    private enum Request {
        case text(String)
        case messages([JSON])
    }

    func run() throws {
        let given = prompt.map { (Request.text($0), "--prompt") } + (try files.flatMap { try requests($0) })
        let model = try source.languageModel()
        let tokenizer = try model.model.tokenizer()
        let isChat = chat || given.contains { if case .messages = $0.0 { true } else { false } }
        let prompts = try Prompts(tokenizer, isChat: isChat)
        let pool = source.threads.pool()
        func tokens(_ request: Request, _ place: String) throws -> [Int32] {
            let ids: [Int32]
            switch request {
            case .text(let text) where chat:
                let system = system.map { [Prompts.message("system", $0)] } ?? []
                ids = try prompts.tokens(of: system + [Prompts.message("user", text)])
            case .text(let text): ids = prompts.tokens(of: text)
            case .messages(let messages): ids = try prompts.tokens(of: messages)
            }
            guard !ids.isEmpty else { throw GenerationError("the prompt has no tokens", place: place) }
            return ids
        }
        func answer(_ request: Request, _ ids: [Int32], with writer: Writer, _ place: String) throws {
            let begun = Date()
            let answer: Answer
            do {
                answer = try writer.write(
                    after: ids, limit: generation.maxNewTokens, generation.sampling, stops: generation.stop,
                    slides: slide
                ) { if !json { Output.text($0) } }
            } catch var error as GenerationError where error.place.isEmpty {
                error.place = place
                throw error
            }
            guard json else { return Output.text(answer.text.hasSuffix("\n") ? "" : "\n") }
            let asked: JSON.Member =
                switch request {
                case .text(let text): .init("prompt", .string(text))
                case .messages(let messages): .init("messages", .array(messages))
                }
            let seconds = -begun.timeIntervalSinceNow
            Output.line(
                JSON.object([
                    asked, .init("generated_text", .string(answer.text)),
                    .init("finish_reason", .string(answer.reason.rawValue)),
                    .init("prompt_tokens", .integer(Int64(ids.count))),
                    .init("generated_tokens", .integer(Int64(answer.tokens.count))),
                    .init("seconds", .number(seconds)),
                ]).text())
        }
        let all = try given.map { (request: $0.0, ids: try tokens($0.0, $0.1), place: $0.1) }
        if all.isEmpty {
            // Each line is answered before the next is read: a program may wait for it.
            let writer = try Writer(model, tokenizer, longest: .max, pool: pool)
            var line = 0
            while let bytes = StandardInput.line() {
                line += 1
                guard bytes.contains(where: { !$0.isWhiteSpace }) else { continue }
                let place = "standard input:\(line)"
                let request = Request.text(String(decoding: bytes, as: UTF8.self))
                try answer(request, tokens(request, place), with: writer, place)
            }
            return
        }
        let longest = all.map(\.ids.count).max()! + generation.maxNewTokens
        let writer = try Writer(model, tokenizer, longest: longest, pool: pool)
        for (request, ids, place) in all { try answer(request, ids, with: writer, place) }
    }

    private func requests(_ file: String) throws -> [(Request, String)] {
        try DataSource.texts(file).map { row in
            if let messages = row.record["messages"]?.array { return (.messages(messages), row.place) }
            guard let text = (row.record["prompt"] ?? row.record["text"])?.string else {
                throw GenerationError(
                    "there is no \"prompt\"", place: row.place,
                    remedy: "the columns are \(row.record.values.keys.sorted().joined(separator: ", "))")
            }
            return (.text(text), row.place)
        }
    }
}
