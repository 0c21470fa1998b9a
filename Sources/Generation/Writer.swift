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

/// What a model wrote.
package struct Answer: Sendable {
    package var text: String
    package var tokens: [Int32]
    package var reason: FinishReason
}

/// Writes on from a prompt with a language model.
package final class Writer {
    /// Most tokens of prompt and answer that the model reads.
    package let context: Int
    private let generator: Generator
    private let tokenizer: Tokenizer
    private let ends: Set<Int32>
    /// What the generator has read.
    private var read: [Int32] = []

    /// - Parameter longest: of prompts and answers; the model's context limits it.
    package init(_ model: AdaptedModel, _ tokenizer: Tokenizer, longest: Int, pool: WorkerPool) throws {
        self.tokenizer = tokenizer
        context = Swift.min(longest, Writer.context(of: model))
        ends = try model.model.endTokens(tokenizer)
        generator = try Generator(model, context: context, pool: pool)
    }

    /// Tokens of a text that a model can read: its context without what its method puts in front of every text.
    package static func context(of model: AdaptedModel) -> Int {
        model.model.configuration.context - model.prefix.count
    }

    /// - Parameters:
    ///   - prompt: at least one token.
    ///   - limit: tokens of the answer at most.
    ///   - slides: goes on with the latest half of the text where the context is full, instead of ending; a prompt that is
    ///     longer than the context is then read from its latest half on.
    ///   - stops: strings that end the answer, and are not part of it.
    ///   - show: gets the answer's text piece by piece.
    /// - Throws: `GenerationError` for a prompt that does not fit, or that leaves no room for an answer.
    package func write(
        after prompt: [Int32], limit: Int, _ sampling: Sampling, stops: [String] = [], slides: Bool = false,
        show: (String) throws -> Void = { _ in }
    ) throws -> Answer {
        var sampler = Sampler(sampling)
        var stream = TokenStream(tokenizer, skipSpecialTokens: true)
        var stopText = StopText(stops)
        var answer = Answer(text: "", tokens: [], reason: .length)
        var text = Set(prompt)
        func add(_ piece: String) throws {
            answer.text += piece
            if !piece.isEmpty { try show(piece) }
        }
        var start = 0
        var logits = try read(prompt, from: &start, slides: slides)
        while answer.tokens.count < limit {
            let next = sampler.next(logits, after: text)
            guard logits[Int(next)].isFinite else {
                throw GenerationError("the model's output is not finite")
            }
            if ends.contains(next) {
                answer.reason = .end
                break
            }
            answer.tokens.append(next)
            text.insert(next)
            try add(stopText.append(try stream.append(next)))
            if stopText.isStopped {
                answer.reason = .stop
                break
            }
            guard answer.tokens.count < limit else { break }
            let all = prompt + answer.tokens
            guard all.count - start <= context || slides else { break }
            logits = try read(all, from: &start, slides: slides)
        }
        if !stopText.isStopped { try add(stopText.append(try stream.finish()) + stopText.finish()) }
        return answer
    }

    /// The logits behind a text, of which the generator reads only what it has not read yet.
    ///
    /// - Parameter start: where in the text the part begins that the generator reads.
    private func read(_ text: [Int32], from start: inout Int, slides: Bool) throws -> [Float] {
        if text.count - start > context {
            guard slides else {
                throw GenerationError(
                    "the prompt has \(text.count) tokens, and the model reads \(context) at most",
                    remedy: "make it shorter, or go on from its end with --slide")
            }
            start = text.count - Swift.max(context / 2, 1)
        }
        let part = Array(text[start...])
        let known = Swift.min(zip(read, part).prefix { $0 == $1 }.count, part.count - 1)
        generator.truncate(to: known)
        read = part
        return generator.read(Array(part[known...]))
    }
}
