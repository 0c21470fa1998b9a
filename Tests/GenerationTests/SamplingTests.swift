import Formats
import Generation
import Testing

struct SamplingTests {
    private func sampling(_ settings: JSON) throws -> Sampling {
        func number(_ name: String) throws -> Double { try #require(settings[name]?.double) }
        var sampling = Sampling()
        sampling.temperature = try number("temperature")
        sampling.topK = Int(try number("top_k"))
        sampling.topP = try number("top_p")
        sampling.minP = try number("min_p")
        sampling.repetitionPenalty = try number("repetition_penalty")
        return sampling
    }

    /// The processors of transformers, one by one and together.
    @Test func agreesWithTransformers() throws {
        let cases = try Fixtures.json("generation/sampling.json")
        #expect(cases.count == 12)
        for (number, item) in cases.enumerated() {
            let logits = (item["logits"]?.array ?? []).map { Float($0.double ?? .nan) }
            let expected = (item["probabilities"]?.array ?? []).map { $0.double ?? .nan }
            let found = try sampling(item).candidates(logits, after: Set(item["text"]?.ids ?? []))
            #expect(found.count == expected.count { $0 > 0 }, "case \(number)")
            for (id, probability) in found {
                #expect(abs(probability - expected[Int(id)]) <= 1e-6, "case \(number), token \(id)")
            }
            #expect(found.map(\.probability) == found.map(\.probability).sorted(by: >))
        }
    }

    @Test func withoutTemperatureTheFirstOfTheLargest() {
        #expect(Sampling().candidates([1, 3, -2, 3], after: []).map(\.id) == [1])
        var penalised = Sampling()
        penalised.repetitionPenalty = 2
        #expect(penalised.candidates([1, 3, -2, 2], after: [1]).map(\.id) == [3])
    }

    /// Tokens come as often as their probabilities say, and the seed says which.
    @Test func drawsFromTheProbabilities() {
        var sampling = Sampling()
        sampling.temperature = 1
        func draws(seed: UInt64) -> [Int32] {
            sampling.seed = seed
            var sampler = Sampler(sampling)
            return (0..<20_000).map { _ in sampler.next([0, 1, 2, -1], after: []) }
        }
        let drawn = draws(seed: 1)
        // exp(x) / sum of exp
        for (id, probability) in [0.087144, 0.236883, 0.643914, 0.032059].enumerated() {
            let share = Double(drawn.count { $0 == Int32(id) }) / 20_000
            // Five standard deviations.
            #expect(abs(share - probability) <= 5 * (probability * (1 - probability) / 20_000).squareRoot())
        }
        #expect(draws(seed: 1) == drawn)
        #expect(draws(seed: 2) != drawn)
    }
}
