import Formats
import Models
import PluginHost
import Programs

/// What it answers, for models of other shapes and when it is asked again.
extension Rule {
    static let tracing: [Rule] = [
        Rule("odd-shapes", "fits models of other shapes, or says in words which it does not", group: "tracing") {
            subject in
            let smaller = SmallSettings.smaller(than: try subject.manifest(), given: subject.options)
            var (fits, refusal) = (false, "")
            for kind in ToyModel.kinds {
                for task in [Task.causalLM, .sequenceClassification(labels: 3)] {
                    subject.note("traced on a model \(kind.name), \(task.name)")
                    do {
                        let words = try subject.refusal(of: kind, task, smaller)
                        (fits, refusal) = (fits || words == nil, words ?? refusal)
                    } catch {
                        return .failed("on a model \(kind.name), \(task.name): \(error)")
                    }
                }
            }
            return fits ? .passed : .failed("of \(ToyModel.kinds.count) kinds of models it fits none: \(refusal)")
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
        Rule(
            "same-program-anywhere", "gives the same program in every process", group: "tracing",
            fact: Rule.Fact(
                id: "program",
                failure: "another process gets another program; it must not depend on time, addresses or process"
            ) { SHA256.of(try $0.program().encode()) }
        ) { _ in .passed },
    ]
}

extension Subject {
    /// Traces a model of that kind: the smallest, that with smaller settings than the defaults, or a wider one, whichever the
    /// plugin does not decline first.
    ///
    /// - Returns: the plugin's words where it declines all; nil where it gave a program.
    /// - Throws: whatever is wrong with it that the plugin did not say itself.
    fileprivate func refusal(
        of kind: ToyModel.Kind, _ task: Task, _ smaller: [SmallSettings.Options]
    ) throws -> String? {
        var words = ""
        for (toy, more) in ([[]] + smaller).map({ (kind.small, $0) }) + [(kind.wide, [])] {
            do {
                try traced(toy.configuration, task: task, options: more).program.verify()
                return nil
            } catch let error as PluginError where error.code == .declined {
                words = error.message
            }
        }
        return words
    }
}
