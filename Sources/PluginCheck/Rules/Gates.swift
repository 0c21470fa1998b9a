import PluginHost

/// What everything else needs.
extension Rule {
    static let readable = Rule(
        "readable", "reads as a plugin: an ELF library with the entry function and a manifest", group: "file",
        need: .file
    ) { subject in
        let machine = try subject.library().machine
        return machine == PluginLibrary.hostMachine
            ? .passed
            : .failed("was built for \(machine), not for \(PluginLibrary.hostMachine); build it for this machine")
    }

    static let loads = Rule(
        "loads", "can be loaded, and its code says what its manifest says", group: "load", need: .manifest
    ) { subject in
        _ = try subject.plugin()
        return .passed
    }

    static let traces = Rule(
        "traces", "can be traced with its default hyperparameters on a model of the Llama family", group: "tracing",
        need: .loading
    ) { subject in
        _ = try subject.plugin()
        subject.note("tracing")
        try subject.bench().traced.program.verify()
        return .passed
    }

    static let ownValues = Rule(
        "own-values", "uses no value of a trace that is over", group: "tracing"
    ) { subject in
        for again in ["second", "third"] {
            subject.note("traced a \(again) time")
            _ = try subject.program()
        }
        return .passed
    }
}
