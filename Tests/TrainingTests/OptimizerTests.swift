import Engine
import Formats
import Testing
import Training

@Suite struct OptimizerTests {
    /// Six steps of torch.optim.AdamW: with and without decay, clipping and a multiplied learning rate. The same tensors
    /// many times over are more than one thread takes at a time.
    @Test(arguments: [1, 40_000]) func agreesWithTorch(copies: Int) throws {
        let pool = WorkerPool(threads: 2)
        let cases = try #require(try Fixtures.json("optimizer/adamw.json").array)
        #expect(cases.count == 4)
        for (number, expected) in cases.enumerated() {
            func numbers(_ json: JSON?) -> [Float] {
                let once = (json?.array ?? []).compactMap(\.double).map(Float.init)
                return Array(repeatElement(once, count: copies).joined())
            }
            func setting(_ name: String) throws -> Double { try #require(expected[name]?.double) }
            let multiplier = try setting("multiplier")
            let tensors = store([5 * copies, 3 * copies]) { index, declaration in
                declaration.hasWeightDecay = index == 0
                if index == 1 { declaration.learningRateMultiplier = multiplier }
            }
            (tensors[0], tensors[1]) = (numbers(expected["decay"]), numbers(expected["no_decay"]))
            var optimizer = Optimizer()
            let betas = try #require(expected["betas"]?.array).compactMap(\.double)
            (optimizer.beta1, optimizer.beta2) = (betas[0], betas[1])
            optimizer.epsilon = try setting("epsilon")
            optimizer.weightDecay = try setting("weight_decay")
            optimizer.maximumNorm = try setting("max_norm") * Double(copies).squareRoot()
            for (step, after) in (expected["steps"]?.array ?? []).enumerated() {
                let gradients = numbers(after["gradients"]?["decay"]) + numbers(after["gradients"]?["no_decay"])
                for (place, value) in gradients.enumerated() { tensors.gradients.floats[place] = value }
                let norm = Optimizer.gradientNorm(tensors, on: pool)
                #expect(abs(norm / (after["norm"]?.double ?? 0) / Double(copies).squareRoot() - 1) < 1e-6)
                optimizer.update(
                    tensors, learningRate: try setting("learning_rate"), step: step + 1, gradientNorm: norm,
                    on: pool)
                let worst = zip(tensors[0] + tensors[1], numbers(after["decay"]) + numbers(after["no_decay"]))
                    .map { abs($0 - $1) / max(1, abs($1)) }.max()
                #expect(worst! <= 1e-6, "case \(number), step \(step)")
            }
        }
    }
}
