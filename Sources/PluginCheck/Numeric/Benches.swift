import Models
import PluginHost

extension Subject {
    /// The method on the smallest of some toy models on which it can be traced: a default may be too large for the smallest
    /// (a block of 32 does not divide a width of 8).
    ///
    /// - Throws: what tracing on the last of them throws.
    package func bench(_ more: SmallSettings.Options = [], totalSteps: Int = TrainedBits.steps) throws -> Bench {
        _ = try plugin()
        note("tracing")
        for toy in [ToyModel.plain, .wide] {
            if let bench = try? bench(more, on: toy, totalSteps: totalSteps) { return bench }
        }
        return try bench(more, on: .wider, totalSteps: totalSteps)
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

extension ToyModel {
    /// For defaults that need width: hidden 32 and 128.
    static let wide = ToyModel([
        "hidden_size": 32, "intermediate_size": 64, "num_attention_heads": 4, "num_key_value_heads": 2,
        "vocab_size": 29, "num_hidden_layers": 2,
    ])
    static let wider = ToyModel([
        "hidden_size": 128, "intermediate_size": 256, "num_attention_heads": 4, "num_key_value_heads": 2,
        "vocab_size": 29, "num_hidden_layers": 2,
    ])
    /// Sizes that nothing divides: one layer, hidden 15, three heads of 6 on one key head, inner 11, 17 tokens.
    static let odd = ToyModel([
        "hidden_size": 15, "intermediate_size": 11, "num_attention_heads": 3, "num_key_value_heads": 1, "head_dim": 6,
        "vocab_size": 17, "num_hidden_layers": 1, "tie_word_embeddings": false,
    ])
}
