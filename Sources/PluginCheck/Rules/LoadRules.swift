import Glibc
import PluginHost

/// What loading, and then tracing, does to the process.
extension Rule {
    static let load: [Rule] =
        [
            Rule("loads-quickly", "is loaded and entered within a second", group: "load", need: .loading) { subject in
                _ = try subject.plugin()
                guard let duration = LoadEffects.first?.duration else { return .passed }
                return duration <= .seconds(1)
                    ? .passed : .failed("took \(duration / .milliseconds(1)) ms; leave the work to plan and inject")
            }
        ]
        + ProcessState.Part.allCases.map { part in
            Rule("load-keeps-\(part.rawValue)", "loading leaves \(part.words)", group: "load", need: .loading) {
                subject in
                let plugin = try subject.plugin()
                return plugin.changes.contains(part)
                    ? .failed("loading it changes \(part.words); no constructor may do that") : .passed
            }
        } + [
            Rule("silent", "prints nothing, neither loaded nor traced", group: "load", isAlone: true) { subject in
                _ = try subject.program()
                fflush(nil)
                let count = lseek(STDOUT_FILENO, 0, SEEK_END)
                return count <= 0
                    ? .passed : .failed("printed \(count) bytes; tell the user with peft.trace/1 warn")
            },
            Rule("traces-apart", "tracing changes nothing of the process", group: "load", isAlone: true) { subject in
                _ = try subject.plugin()
                let state = ProcessState()
                _ = try subject.program()
                let changed = state.restore()
                return changed.isEmpty
                    ? .passed : .failed("its callbacks change \(changed.map(\.words).joined(separator: ", "))")
            },
        ]
}
