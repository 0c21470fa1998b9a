import Formats
import Models
import PluginHost
import Programs

/// What it answers, for models of other shapes and when it is asked again.
extension Rule {
    static let tracing: [Rule] = [
        Rule("odd-shapes", "fits models of other shapes", group: "tracing") { subject in
            for (name, model) in shapes {
                for task in [Task.causalLM, .sequenceClassification(labels: 3)] {
                    subject.note("traced on a model \(name), \(task.name)")
                    do {
                        try subject.traced(model.configuration, task: task).program.verify()
                    } catch {
                        return .failed("on a model \(name), \(task.name): \(error)")
                    }
                }
            }
            return .passed
        },
        Rule("one-site", "fits a single site of its kind", group: "tracing") { subject in
            let plugin = try subject.plugin()
            guard !plugin.description.siteKinds.isDisjoint(with: [.linear, .embedding]) else {
                return .skipped("its sites cannot be chosen")
            }
            let target =
                plugin.description.siteKinds.contains(.linear)
                ? #"model\.layers\.1\.self_attn\.q_proj"# : "embed_tokens"
            try subject.program(of: plugin, options: [("target_modules", target)]).verify()
            return .passed
        },
        Rule("same-program", "gives the same program when it is asked again", group: "tracing") { subject in
            let plugin = try subject.plugin()
            let first = try subject.program(of: plugin).encode()
            for again in 2...3 where try subject.program(of: plugin).encode() != first {
                return .failed("trace \(again) gives another program than the first; keep nothing between callbacks")
            }
            return .passed
        },
        Rule("same-program-anywhere", "gives the same program in every process", group: "tracing", isAlone: true) {
            subject in
            let here = SHA256.of(try subject.program().encode())
            let child = try subject.child()
            guard case .skipped(let there) = child.run(digest), there == here else {
                return .failed("another process gets another program; it must not depend on time, addresses or process")
            }
            return .passed
        },
    ]

    /// What `same-program-anywhere` asks another process: not a rule of the report.
    static let digest = Rule("digest", "", group: "tracing") { subject in
        .skipped(SHA256.of(try subject.program().encode()))
    }

    private static let shapes: [(String, ToyModel)] = [
        ("with biases", .biased), ("with a head of its own", .untied), ("with a sliding window", .windowed),
        (
            "of one layer, odd sizes and one head",
            ToyModel([
                "hidden_size": 6, "intermediate_size": 7, "num_hidden_layers": 1, "num_attention_heads": 1,
                "vocab_size": 5,
            ])
        ),
        (
            "with grouped heads wider than its hidden size",
            ToyModel([
                "hidden_size": 12, "intermediate_size": 5, "num_hidden_layers": 3, "num_attention_heads": 6,
                "num_key_value_heads": 3, "head_dim": 10, "vocab_size": 31,
            ])
        ),
    ]
}
