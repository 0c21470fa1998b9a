import CPeftPlugin
import PluginAPI

/// Prompt tuning (Lester et al. 2021): trained embeddings stand in front of every row,
///
///     x = [P; E(ids)]        P (n, hidden)
///
/// and go through the frozen model like those of real tokens.
struct PromptTuning: Method {
    static let id = "PromptTuning"
    static let peftType = "PROMPT_TUNING"
    static let version = "1.0.0"
    static let summary = "trained embeddings in front of every row"
    static let paper = "Lester et al. 2021, arXiv:2104.08691"
    static let defaultLearningRate = 1e-2
    static let siteKinds: [SiteKind] = [.prompt]

    @Hyperparameter("virtual tokens in front of every row", range: 1...65536) var num_virtual_tokens: Int
    @Hyperparameter(
        "first values: normal numbers, the embeddings of a text, or those of random tokens",
        choices: ["RANDOM", "TEXT", "SAMPLE_VOCAB"]) var prompt_tuning_init = "RANDOM"
    @Hyperparameter("the text of TEXT: cut, or repeated, to the number of virtual tokens")
    var prompt_tuning_init_text: String? = nil
    @Hyperparameter("not used: the base's tokenizer reads the text; peft's configuration has it")
    var tokenizer_name_or_path: String? = nil

    func plan(_ plan: Plan) {
        if prompt_tuning_init == "TEXT", prompt_tuning_init_text == nil {
            return plan.fail("prompt_tuning_init is TEXT, so prompt_tuning_init_text is needed")
        }
        if prompt_tuning_init != "TEXT", prompt_tuning_init_text != nil {
            plan.warn("prompt_tuning_init_text is not used: prompt_tuning_init is \(prompt_tuning_init)")
        }
        plan.takeAll()
    }

    func inject(into site: PromptSite) {
        let isRandom = prompt_tuning_init == "RANDOM"
        let prompt = site.parameter(
            "prompt_embeddings", shape: [num_virtual_tokens, site.hiddenSize],
            init: isRandom ? .normal(deviation: 1) : .graph)
        if !isRandom { site.initialize { site.set(prompt, to: site.embed(firstTokens(site))) } }
        site.forward { prompt }
        site.refuseMerge(because: "it puts tokens in front of every row, which no weight of the base does")
    }

    /// The ids (n) of the tokens whose embeddings are the first values.
    private func firstTokens(_ site: PromptSite) -> Value {
        if let text = prompt_tuning_init_text, prompt_tuning_init == "TEXT" {
            return site.tokenIDs(of: text, count: num_virtual_tokens)
        }
        let count = Double(site.model.vocabulary)
        // A number just below the end can be rounded up to it.
        return Value.uniform(0, count, shape: [num_virtual_tokens]).floor().minimum(count - 1).cast(to: .i32)
    }

    /// What peft 0.21 writes beside the hyperparameters.
    func finish(_ method: MethodGraphs) {
        method.export { export in
            export.promptSizes(width: method.model.hiddenSize, heads: method.model.heads, model: method.model)
            export.field("tokenizer_kwargs", json: "null")
            // peft wants a name with TEXT, and looks it up only to train anew.
            if prompt_tuning_init == "TEXT", tokenizer_name_or_path == nil {
                export.field("tokenizer_name_or_path", json: "\"the base's\"")
            }
        }
    }

    /// The sizes that peft writes are the base's and the tensor's, and its tokenizer is not used.
    func importConfig(_ config: Config) {
        config.skip(Config.promptSizes + ["tokenizer_kwargs"])
    }
}

@c @implementation
public func peft_plugin_entry(_ host: UnsafePointer<peft_host>!) -> UnsafePointer<peft_plugin>! {
    plugin(PromptTuning.self, host)
}
