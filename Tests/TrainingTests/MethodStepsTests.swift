import Engine
import Models
import Programs
import Testing
import Training

/// What a method does once an optimizer step.
struct MethodStepsTests {
    /// w (2), which only the regularizer Σ w² · step reads; an update that exchanges a and b and adds w's gradient.
    private static func model() throws -> AdaptedModel {
        var program = MethodProgram(method: "Test", peftType: "TEST", version: "1", settings: [])
        let type = TensorType([2])
        program.tensors = ["w", "a", "b"].map { name in
            var tensor = TensorDeclaration(name, type, .zeros)
            tensor.isBuffer = name != "w"
            return tensor
        }
        var g = GraphBuilder(scope: .parameters)
        let w = g.parameter(0, type)
        program.regularizer = program.add(
            try g.finish([g.mul(g.reduce(.sum, g.mul(w, w)), g.input(.step))]))
        g = GraphBuilder(scope: .parameters)
        let sum = g.add(g.parameter(1, type), g.argument(0, type))
        let update = try g.finish([g.parameter(2, type), g.mul(sum, g.input(.totalSteps))])
        program.update = Assignment(graph: program.add(update), targets: [1, 2])
        try program.verify()
        let model = try AdaptedModel(Model(Fixtures.path("tiny/a-llama")), method: program, task: .causalLM, seed: 0)
        (model.tensors[0], model.tensors[1], model.tensors[2]) = ([3, -1], [1, 2], [5, 6])
        return model
    }

    @Test func regularizer() throws {
        let model = try Self.model()
        let pool = WorkerPool(threads: 2)
        let batch = Batch(predicting: [[1, 2, 3]], isTarget: [[true, true, true]], weight: 0.5)
        let gradients = try GradientProgram(model, capacity: batch.sizes, pool: pool)
        let steps = try MethodSteps(model, totalSteps: 9, pool: pool)
        // Twice: the second step's gradient has nothing of the first's.
        for _ in 0..<2 {
            _ = gradients.run(batch, step: 2, microBatch: 0, accumulates: false)
            _ = gradients.run(batch, step: 2, microBatch: 1, accumulates: true)
            #expect(steps.regularize(step: 2) == 20)
            #expect(model.tensors.gradients.floatArray == [12, -4])
        }
    }

    /// All at once, from the gradient that the optimizer used.
    @Test func update() throws {
        let model = try Self.model()
        let steps = try MethodSteps(model, totalSteps: 3, pool: WorkerPool(threads: 1))
        (model.tensors.gradients.floats[0], model.tensors.gradients.floats[1]) = (8, 4)
        steps.update(step: 0, gradientScale: 0.25)
        #expect(model.tensors[1] == [5, 6])
        #expect(model.tensors[2] == [9, 9])
        #expect(model.tensors[0] == [3, -1])
        #expect(steps.nonzeroCounts.isEmpty)
    }
}
