/// One thing that a plugin must keep.
package struct Rule: Sendable {
    /// Whom a plugin is for.
    package enum Level: String, CaseIterable, Sendable {
        /// Runs beside the host that it was built with.
        case development
        /// Runs with any host, on any machine of its kind.
        case distribution
    }

    /// What must be possible before a rule can be asked. Where it is not, the rule that says so fails and this one is
    /// skipped.
    package enum Need: Int, Sendable {
        /// A file; nothing of it is run.
        case file
        /// It reads as a plugin, manifest included; nothing of it is run.
        case manifest
        /// It is mapped and entered.
        case loading
        /// With its default hyperparameters it can be traced.
        case tracing
    }

    /// kebab-case: `one-export`. Tests/BrokenPlugins/<id>.c breaks it, and no other.
    package let id: String
    /// What a good plugin does, for people: "exports peft_plugin_entry and nothing else".
    package let title: String
    package let group: String
    package let level: Level
    package let need: Need
    /// Runs in a process of its own: it loads the library in another way than the others, or leaves traces.
    package let isAlone: Bool
    /// Wall-clock limit, after which the rule has failed.
    package let seconds: Double
    /// What two more processes must agree on, once ``run`` has passed.
    let fact: Fact?
    /// Throwing is failing, with the error's words.
    package let run: @Sendable (Subject) throws -> Outcome

    /// Something about the plugin that no process may see otherwise than another.
    struct Fact: Sendable {
        let id: String
        /// What it says of a plugin that two processes do not agree on.
        let failure: String
        let find: @Sendable (Subject) throws -> String
    }

    init(
        _ id: String, _ title: String, group: String, level: Level = .development, need: Need = .tracing,
        isAlone: Bool = false, seconds: Double = 20, fact: Fact? = nil,
        run: @escaping @Sendable (Subject) throws -> Outcome
    ) {
        (self.id, self.title, self.group, self.level) = (id, title, group, level)
        (self.need, self.isAlone, self.seconds, self.fact, self.run) = (need, isAlone, seconds, fact, run)
    }

    /// All of them, in the order of the report.
    package static let all: [Rule] =
        gates.map(\.rule) + file + load + handshake + protocols + hyperparameters + tracing + numeric

    /// Every rule that says whether what others need is there; asked first.
    static let gates: [(need: Need, rule: Rule)] = [
        (.manifest, readable), (.loading, loads), (.tracing, traces), (.tracing, ownValues),
    ]
}

package enum Outcome: Equatable, Sendable {
    case passed
    /// One sentence with the numbers in question, and the remedy.
    case failed(String)
    /// Nothing to check, and why: a capability that is not claimed.
    case skipped(String)
}
