import Engine
import Formats
import Models
import Text

/// Why a model wrote no more: the words are those of Hugging Face's inference server.
package enum FinishReason: String, Sendable {
    /// As many tokens as were asked for, or no room for more.
    case length
    /// The model ended its text itself.
    case end = "eos_token"
    case stop = "stop_sequence"
}

/// What a model is to go on from.
package struct Prompt: Sendable {
    /// At least one.
    package var tokens: [Int32]
    /// The number of the adapter that writes.
    package var member: Int

    package init(_ tokens: [Int32], member: Int = 0) { (self.tokens, self.member) = (tokens, member) }
}

/// What a model wrote.
package struct Answer: Sendable {
    package var text: String
    package var tokens: [Int32]
    package var reason: FinishReason
}

/// Writes on from prompts with a language model.
package final class Writer {
    /// How answers are written.
    package struct Options: Sendable {
        /// Tokens of an answer at most.
        package var limit: Int
        package var sampling: Sampling
        /// Strings that end the answer, and are not part of it.
        package var stops: [String]
        /// Goes on with the latest half of the text where the context is full, instead of ending; a prompt that is longer
        /// than the context is then read from its latest half on.
        package var slides: Bool

        package init(limit: Int, _ sampling: Sampling = Sampling(), stops: [String] = [], slides: Bool = false) {
            (self.limit, self.sampling, self.stops, self.slides) = (limit, sampling, stops, slides)
        }
    }

    /// Most tokens of prompt and answer that the model reads.
    package let context: Int
    private let generator: Generator
    private let tokenizer: Tokenizer
    private let ends: Set<Int32>
    /// What the generator has read, by row: the adapter, and the tokens.
    private var read: [Prompt]

    /// - Parameters:
    ///   - longest: of prompts and answers; the model's context limits it.
    ///   - rows: how many answers are written beside each other.
    package init(_ model: MixedModel, _ tokenizer: Tokenizer, longest: Int, rows: Int = 1, pool: WorkerPool) throws {
        self.tokenizer = tokenizer
        context = Swift.min(longest, Writer.context(of: model))
        ends = try model.model.endTokens(tokenizer)
        generator = try Generator(model, context: context, rows: rows, pool: pool)
        read = Array(repeating: Prompt([]), count: rows)
    }

    /// Tokens of a text that a model can read: its context without what its method puts in front of every text.
    package static func context(of model: MixedModel) -> Int {
        model.model.configuration.context - (model.members.map(\.prefix.count).max() ?? 0)
    }

    /// - Throws: `GenerationError` for a prompt that does not fit.
    package func check(_ prompt: Prompt, _ options: Options, place: String = "") throws(GenerationError) {
        guard prompt.tokens.count > context, !options.slides else { return }
        throw GenerationError(
            "the prompt has \(prompt.tokens.count) tokens, and the model reads \(context) at most", place: place,
            remedy: "make it shorter, or go on from its end with --slide")
    }

    /// - Parameter show: gets the answer's text piece by piece.
    package func write(
        after prompt: Prompt, _ options: Options, show: (String) throws -> Void = { _ in }
    ) throws -> Answer {
        try write(after: [prompt], options) { _, text in try show(text) }[0]
    }

    /// Writes on from as many prompts as it has rows at most, all at once. An answer does not depend on the others.
    ///
    /// - Parameter show: gets the answers' text piece by piece, with the number of the prompt.
    /// - Throws: `GenerationError` for a prompt that does not fit.
    package func write(
        after prompts: [Prompt], _ options: Options, show: (Int, String) throws -> Void = { _, _ in }
    ) throws -> [Answer] {
        for prompt in prompts { try check(prompt, options) }
        var drafts = prompts.map { Draft($0, options, tokenizer) }
        while true {
            let active = drafts.indices.filter { !drafts[$0].isDone }
            guard !active.isEmpty else { return drafts.map(\.answer) }
            let unread = active.map { (row: $0, ids: prepare($0, &drafts[$0])) }
            for (row, logits) in zip(active, generator.read(unread)) {
                let piece = try drafts[row].take(logits, ends: ends, context: context)
                if !piece.isEmpty { try show(row, piece) }
            }
        }
    }

    /// Has the generator forget what is not in a draft's text.
    ///
    /// - Returns: what it has not read of the text.
    private func prepare(_ row: Int, _ draft: inout Draft) -> [Int32] {
        let text = draft.text(within: context)
        if read[row].member == draft.prompt.member, !read[row].tokens.isEmpty {
            let known = Swift.min(zip(read[row].tokens, text).prefix { $0 == $1 }.count, text.count - 1)
            generator.truncate(row, to: known)
        } else {
            generator.begin(row, with: draft.prompt.member)
        }
        read[row] = Prompt(text, member: draft.prompt.member)
        return Array(text[generator.length(of: row)...])
    }
}

/// An answer while it is written.
private struct Draft {
    let prompt: Prompt
    private(set) var answer = Answer(text: "", tokens: [], reason: .length)
    private(set) var isDone = false
    private let options: Writer.Options
    private var sampler: Sampler
    private var stream: TokenStream
    private var stopText: StopText
    /// All tokens so far.
    private var seen: Set<Int32>
    /// Where in the text the part begins that the model reads.
    private var start = 0

    init(_ prompt: Prompt, _ options: Writer.Options, _ tokenizer: Tokenizer) {
        self.prompt = prompt
        self.options = options
        sampler = Sampler(options.sampling)
        stream = TokenStream(tokenizer, skipSpecialTokens: true)
        stopText = StopText(options.stops)
        seen = Set(prompt.tokens)
    }

    /// The part of the text that the model reads.
    mutating func text(within context: Int) -> [Int32] {
        let text = prompt.tokens + answer.tokens
        if text.count - start > context { start = text.count - Swift.max(context / 2, 1) }
        return Array(text[start...])
    }

    /// Takes the next token.
    ///
    /// - Returns: the text that it completes.
    mutating func take(_ logits: [Float], ends: Set<Int32>, context: Int) throws -> String {
        let next = sampler.next(logits, after: seen)
        guard logits[Int(next)].isFinite else { throw GenerationError("the model's output is not finite") }
        guard !ends.contains(next) else { return try finish(.end) }
        answer.tokens.append(next)
        seen.insert(next)
        let piece = stopText.append(try stream.append(next))
        answer.text += piece
        if stopText.isStopped { return piece + (try finish(.stop)) }
        let isFull = prompt.tokens.count + answer.tokens.count - start > context && !options.slides
        return isFull || answer.tokens.count == options.limit ? piece + (try finish(.length)) : piece
    }

    /// - Returns: what was held back.
    private mutating func finish(_ reason: FinishReason) throws -> String {
        (isDone, answer.reason) = (true, reason)
        guard !stopText.isStopped else { return "" }
        let rest = stopText.append(try stream.finish()) + stopText.finish()
        answer.text += rest
        return rest
    }
}
