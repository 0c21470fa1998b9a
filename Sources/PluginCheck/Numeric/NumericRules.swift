import Models
import Programs
import Training

extension Rule {
    /// What a method computes, on toy models.
    static let numeric: [Rule] = [
        identity, gradients, deadParameters, rows, shortRows, finite, learns, steps, determinism, frozenBase, saving,
        importing, resuming, merging,
    ]

    /// A rule on what a method computes. Where it cannot be differentiated, or training it does not stay finite, the rules
    /// that say so fail and this one is skipped.
    static func numeric(
        _ id: String, _ title: String, isAlone: Bool = false, fact: Fact? = nil,
        run: @escaping @Sendable (Subject) throws -> Outcome
    ) -> Rule {
        Rule(id, title, group: "numeric", isAlone: isAlone, seconds: 60, fact: fact) { subject in
            do {
                return try run(subject)
            } catch let error as Undifferentiable {
                return .skipped("it cannot be differentiated: \(error.message)")
            } catch is HasKernels {
                return .skipped("it calls kernels and stops gradients; each kernel's own are checked when it is traced")
            } catch let error as TrainingLoop.NotFinite {
                return .skipped("its training does not stay finite: \(error.message)")
            }
        }
    }
}

/// What differences cannot be held against: kernels, which the float64 evaluator cannot run, and stopped gradients.
struct HasKernels: Error {}

/// A method without gradients.
struct Undifferentiable: Error {
    let message: String
}

extension Bench {
    /// The method as training begins, once it is known that it can be trained.
    func trainable() throws -> AdaptedModel {
        let model = try begun()
        do throws(ProgramError) {
            try model.checkGradients()
        } catch {
            throw Undifferentiable(message: error.message)
        }
        return model
    }
}

extension AdaptedModel {
    fileprivate func checkGradients() throws(ProgramError) {
        do {
            _ = try GradientProgram.graph(of: program)
            _ = try MethodSteps.regularizer(of: program)
        } catch let error as ProgramError {
            throw error
        } catch {
            throw ProgramError("\(error)")
        }
    }

    /// Whether its graphs call kernels, which the float64 evaluator cannot run.
    var hasKernels: Bool { method?.graphs.contains { $0.nodes.contains { $0.op == .call } } ?? false }

    /// Whether its graphs draw random numbers, which only training does.
    package var isRandom: Bool { method?.graphs.contains { $0.nodes.contains { $0.op.isRandom } } ?? false }
}
