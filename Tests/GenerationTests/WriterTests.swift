import Engine
import Formats
import Generation
import Models
import Testing

struct WriterTests {
    private let pool = WorkerPool(threads: 2)
    private let prompt: [Int32] = [5, 9, 2, 14, 7]

    private func writer(_ name: String = "a-llama", longest: Int = 64) throws -> Writer {
        try Writer(MixedModel(Fixtures.model(name)), Fixtures.tokenizer(), longest: longest, pool: pool)
    }

    /// transformers' `generate`, as far as the token that ends a text.
    @Test func writesAsTransformers() throws {
        let cases = try Fixtures.json("generation/greedy.json")
        #expect(cases.count == 6)
        for item in cases {
            let name = try #require(item["model"]?.string)
            let expected = try #require(item["continuation"]?.ids)
            var sampling = Sampling()
            sampling.repetitionPenalty = try #require(item["repetition_penalty"]?.double)
            let answer = try writer(name).write(
                after: Prompt(item["prompt"]?.ids ?? []), Writer.Options(limit: expected.count, sampling))
            #expect(answer.tokens == Array(expected.prefix { $0 != 0 }), "\(name)")
            #expect(answer.reason == (expected.contains(0) ? .end : .length))
        }
    }

    @Test func textComesInPieces() throws {
        var shown = ""
        let answer = try writer().write(after: Prompt(prompt), .init(limit: 20)) { shown += $0 }
        #expect(answer.tokens.count == 20)
        #expect(shown == answer.text)
        #expect(answer.text == (try Fixtures.tokenizer().decode(answer.tokens, skipSpecialTokens: true)))
    }

    @Test func endsBeforeAStopString() throws {
        let whole = try writer().write(after: Prompt(prompt), .init(limit: 20))
        // A piece of the answer that is in it once.
        let stop = try #require(
            whole.text.indices.dropFirst(3).map { String(whole.text[$0...].prefix(2)) }.first { piece in
                whole.text.components(of: piece) == 1
            })
        let answer = try writer().write(after: Prompt(prompt), .init(limit: 20, stops: [stop]))
        #expect(answer.reason == .stop)
        #expect(whole.text.hasPrefix(answer.text + stop))
        #expect(answer.tokens.count < whole.tokens.count)
    }

    /// What it has read before changes nothing.
    @Test func goesOnFromWhatItHasRead() throws {
        let one = try writer()
        let first = try one.write(after: Prompt(prompt), .init(limit: 8))
        for next in [prompt + first.tokens + [30, 31], [5, 9, 100], prompt, prompt + [1]] {
            let again = try one.write(after: Prompt(next), .init(limit: 8))
            #expect(again.tokens == (try writer().write(after: Prompt(next), .init(limit: 8)).tokens))
        }
    }

    @Test func theSeedSaysWhat() throws {
        var sampling = Sampling()
        sampling.temperature = 1
        func tokens(_ seed: UInt64) throws -> [Int32] {
            sampling.seed = seed
            return try writer().write(after: Prompt(prompt), .init(limit: 20, sampling)).tokens
        }
        #expect(try tokens(3) == tokens(3))
        #expect(try tokens(3) != tokens(4))
    }

    @Test func theContextIsFull() throws {
        // Of 12 tokens 5 are the prompt's; the last one written is not read.
        let full = try writer(longest: 12).write(after: Prompt(prompt), .init(limit: 40))
        #expect(full.tokens.count == 8)
        #expect(full.reason == .length)
        let long = Array(repeating: Int32(3), count: 13)
        #expect(throws: GenerationError.self) { try writer(longest: 12).write(after: Prompt(long), .init(limit: 1)) }
        let slid = try writer(longest: 12).write(after: Prompt(long), .init(limit: 1, slides: true))
        let half = try writer(longest: 12).write(after: Prompt(Array(long.suffix(6))), .init(limit: 1))
        #expect(slid.tokens == half.tokens)
    }

    /// Past the context, each half is read anew.
    @Test func theTextSlides() throws {
        let slid = try writer(longest: 12).write(after: Prompt(prompt), .init(limit: 30, slides: true))
        #expect(slid.tokens.count == 30)
        var (all, start) = (prompt, 0)
        for token in slid.tokens {
            if all.count - start > 12 { start = all.count - 6 }
            let best = try writer().write(after: Prompt(Array(all[start...])), .init(limit: 1)).tokens
            #expect(best == [token])
            all.append(token)
        }
    }
}

extension String {
    /// How often a text is in this one.
    fileprivate func components(of text: String) -> Int {
        indices.count { self[$0...].hasPrefix(text) }
    }
}
