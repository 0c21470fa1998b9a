import Models
import PluginHost

extension Subject {
    /// The method on the smallest of some toy models on which it can be traced.
    package func bench(_ more: SmallSettings.Options = [], totalSteps: Int = TrainedBits.steps) throws -> Bench {
        _ = try plugin()
        note("tracing")
        return try onSmallest { try bench(more, on: $0, totalSteps: totalSteps) }
    }

    /// The method on that model.
    func bench(
        _ more: SmallSettings.Options = [], on toy: ToyModel, task: Task = .causalLM,
        totalSteps: Int = TrainedBits.steps
    ) throws -> Bench {
        let (library, given) = (try library(), options + more)
        let all = given + SmallSettings.required(of: library.manifest, given: given)
        return try Bench(library, all, toy: toy, task: task, totalSteps: totalSteps)
    }

    /// Runs a check on the method as it is by default, and with every hyperparameter changed that makes it something else.
    /// Changes that it cannot be traced with are left out: whether it may refuse them is asked elsewhere.
    func onVariants(_ check: (Bench) throws -> Void) throws {
        try check(try bench())
        for variant in SmallSettings.variants(of: try manifest(), given: options) {
            guard let bench = try? bench(variant) else { continue }
            note("with \(SmallSettings.text(variant))")
            do {
                try check(bench)
            } catch let breach as Breach {
                throw Breach("with \(SmallSettings.text(variant)), \(breach.description)")
            }
        }
    }
}
