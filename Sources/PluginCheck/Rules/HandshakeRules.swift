import PluginHost
import Programs

/// How it gets along with hosts of other versions.
extension Rule {
    static let handshake: [Rule] = [
        Rule("older-host", "returns to a host that is too old", group: "handshake", need: .loading, isAlone: true) {
            for abi in [0...0, 0...1] { try enter($0, HostVariant(abi: abi), "entered with ABI \(abi.upperBound)") }
            return .passed
        },
        Rule("newer-host", "works with newer hosts that still speak its ABI", group: "handshake", isAlone: true) {
            for newest in [2, 99] {
                $0.note("traced by a host of ABI \(newest) whose tables have grown")
                let host = HostVariant(abi: 1...newest, memory: .grown)
                try $0.program(of: LoadedPlugin.load($0.library(), as: host)).verify()
            }
            return .passed
        },
        Rule(
            "distant-host", "returns to a host that does not speak its ABI any more", group: "handshake",
            need: .loading, isAlone: true
        ) {
            try enter($0, HostVariant(abi: 98...99), "entered by a host that speaks ABI 98 and 99")
            return .passed
        },
        Rule("reads-known-bytes", "reads no table beyond its struct_size", group: "handshake", isAlone: true) {
            $0.note("traced with tables that end where memory ends")
            let plugin = try LoadedPlugin.load($0.library(), as: HostVariant(memory: .guarded))
            _ = try $0.program(of: plugin)
            return .passed
        },
        Rule(
            "missing-tables", "is entered where a host lacks a table", group: "handshake", need: .loading, isAlone: true
        ) {
            let ids = [
                "trace", "settings", "model", "sites", "parameters", "graphs", "site", "ops", "export", "config",
            ]
            for id in (ids + ["calibration", "kernel"]).map({ "peft.\($0)/1" }) {
                try enter($0, HostVariant(withoutTables: [id]), "entered without \(id)")
            }
            return .passed
        },
        Rule("enters-again", "gives the same answer each time", group: "handshake", need: .loading, isAlone: true) {
            let library = try $0.library()
            let descriptions = try (0..<20).map { _ in try LoadedPlugin.load(library, as: HostVariant()).description }
            return descriptions.allSatisfy { $0 == descriptions[0] }
                ? .passed : .failed("entered again, it describes itself in other words")
        },
    ]

    /// Enters as that host; that the plugin, or our side of the handshake, says no is as good as a yes.
    private static func enter(_ subject: Subject, _ host: HostVariant, _ what: String) throws {
        subject.note(what)
        do {
            _ = try LoadedPlugin.load(subject.library(), as: host)
        } catch let error as PluginError where error.code == .incompatible {
        }
    }
}
