import Foundation
import Formats
import PluginHost

/// What keeps a plugin's code from doing harm, as far as this machine goes.
struct PluginSecurity {
    private let sha256: String
    private let runsInProcess: Bool
    private let limits = ChildLimits()
    private let sandbox: SandboxReport

    init(_ library: PluginLibrary) throws {
        sha256 = try SHA256.file(library.path)
        runsInProcess = library.manifest.capabilities.contains(.kernels)
        sandbox = try SandboxReport.ask()
    }

    private var place: String {
        runsInProcess
            ? "its kernels run in the host's own process, without any of this"
            : "traced in a child, \(TraceProgram.name); the host never maps the library"
    }

    var json: JSON {
        [
            "sha256": .string(sha256), "runs_in_process": .bool(runsInProcess),
            "seconds": .integer(Int64(limits.seconds)), "memory_bytes": .integer(Int64(limits.memory)),
            "sandbox": sandbox.json,
        ]
    }

    var lines: [String] {
        func line(_ name: String, _ text: String) -> String {
            name.padding(toLength: 19, withPad: " ", startingAt: 0) + text
        }
        return [
            "security", "  " + line("SHA-256", sha256), "  " + line("process", place),
            "  " + line("limits", "\(limits.seconds) s, \(limits.memory >> 20) MB of address space, no files"),
        ]
            + sandbox.parts.map { "  " + line($0.name, ($0.isOn ? "on: " : "off: ") + $0.detail) }
    }
}
