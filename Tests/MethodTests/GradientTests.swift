import Engine
import Models
import PluginCheck
import Testing
import Training

/// The gradient of every element of every parameter, in float64 against central differences of the loss, and in float32 as
/// the engine computes it against float64.
struct GradientTests {
    @Test(arguments: MethodCase.all) func gradients(_ item: MethodCase) throws {
        let bench = try item.bench()
        var random = RandomNumbers(seed: 1)
        try Rule.checkGradients(bench, &random)
        try Rule.checkNothingIsDead(bench)

        let model = try bench.moved()
        // The engine draws other random numbers.
        guard !model.isRandom else { return }
        let batch = model.trainingBatch()
        let program = try GradientProgram(model, capacity: batch.sizes, pool: WorkerPool(threads: 1))
        _ = program.run(batch, step: 0, microBatch: 0, accumulates: false)
        for (number, gradient) in try Gradients(model).ofLoss {
            let entry = model.tensors.entries[number]
            let scale = gradient.values.reduce(1e-3) { max($0, abs($1)) }
            let found = (0..<entry.count).map { Double(model.tensors.gradients.floats[entry.offset + $0]) }
            let worst = zip(gradient.values, found).reduce(0) { max($0, abs($1.0 - $1.1)) }
            #expect(worst <= 1e-4 * scale, "\(entry.name), float32, is off by \(worst) of \(scale)")
        }
    }
}
