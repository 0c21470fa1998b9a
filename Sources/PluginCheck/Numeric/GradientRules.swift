import Engine
import Models
import Training

extension Rule {
    static let gradients = numeric(
        "gradients",
        "has the gradients that its functions' central differences say, in float64 (with kernels, in float32)"
    ) { subject in
        var random = subject.random("gradients")
        do {
            try subject.onVariants { try checkGradients($0, elements: 6, &random) }
        } catch let error as Undifferentiable {
            throw Breach("it cannot be differentiated: \(error.message)")
        }
        return .passed
    }

    /// Compares at one point, and where something is off at another: a kink (of relu, of an absolute value) that a
    /// difference steps over by chance is not at both.
    package static func checkGradients(_ bench: Bench, elements: Int = .max, _ random: inout RandomNumbers) throws {
        let hasKernels = try bench.trainable().hasKernels
        if hasKernels, bench.traced.program.stopsGradients { throw HasKernels() }
        var last: String?
        for point: UInt64 in [11, 12] {
            let model = try bench.moved(point)
            last =
                hasKernels
                ? try EngineGradients(model).mismatch(&random)
                : try Gradients(model).mismatch(elements: elements, random: &random)?.text
            if last == nil { return }
        }
        if let last { throw Breach(last) }
    }

    static let deadParameters = numeric(
        "dead-parameters", "trains nothing that has no effect on the loss or the regularizer"
    ) { subject in
        try subject.onVariants(checkNothingIsDead)
        return .passed
    }

    /// Looks at points away from the start, where a factor of 0 hides what it is multiplied with, and where something is
    /// random (a dropout of whole modules) at many steps of each. Behind a relu that lets nothing through a parameter has no
    /// effect at one point, or at two; at all it has none for a better reason.
    package static func checkNothingIsDead(_ bench: Bench) throws {
        _ = try bench.trainable()
        var always = try dead(bench.moved(11))
        for point in 12..<19 as Range<UInt64> where !always.isEmpty {
            always.formIntersection(try dead(bench.moved(point)))
        }
        guard let name = always.sorted().first else { return }
        throw Breach("\(always.count) of its parameters have no effect, \(name) among them; use or remove them")
    }

    /// Names of the trained tensors whose gradients are 0 everywhere. (A layer that was pruned away has no elements.)
    private static func dead(_ model: AdaptedModel) throws -> Set<String> {
        let (batch, pool, tensors) = (model.trainingBatch(), WorkerPool(threads: 1), model.tensors)
        let program = try GradientProgram(model, capacity: batch.sizes, pool: pool)
        let method = try MethodSteps(model, totalSteps: TrainedBits.steps, pool: pool)
        var dead = tensors.entries.filter { $0.declaration.isTrained && $0.count > 0 }
        for step in 0..<(model.isRandom ? 16 : 1) {
            _ = program.run(batch, step: step, microBatch: 0, accumulates: false)
            _ = method.regularize(step: step)
            dead.removeAll { entry in
                let gradient = UnsafeBufferPointer(start: tensors.gradients.floats + entry.offset, count: entry.count)
                // Not a number is another rule's matter.
                return !gradient.allSatisfy { abs($0) <= 1e-12 }
            }
        }
        return Set(dead.map(\.name))
    }
}
