import CHostSupport
import Formats
import Glibc

/// What the kernel let a child give up.
package struct SandboxReport: Equatable, Sendable {
    package struct Part: Equatable, Sendable {
        package var name: String
        package var isOn: Bool
        /// What it is good for, or why it is off.
        package var detail: String
    }

    package var parts: [Part]

    init(_ report: sandbox_report) {
        func part(_ name: String, _ error: Int32, _ detail: String) -> Part {
            Part(
                name: name, isOn: error == 0,
                detail: error == 0 ? detail : "not available: \(String(cString: strerror(error)))")
        }
        parts = [
            part("no_new_privileges", report.no_new_privileges, "no program can give it more rights"),
            part("user_namespace", report.user_namespace, "no rights over the system, even for root"),
            part("network_namespace", report.network_namespace, "no network device"),
            part("read_only_mounts", report.read_only_mounts, "every file system is read-only"),
            part(
                "landlock", report.landlock,
                "files can be read only (interface \(report.landlock_version) of the kernel)"),
            part("seccomp", report.seccomp, "no sockets, processes, programs, or files opened for writing"),
        ]
    }

    package var json: JSON {
        .object(parts.map { .init($0.name, ["on": .bool($0.isOn), "detail": .string($0.detail)]) })
    }

    init?(_ json: JSON) {
        guard let members = json.members else { return nil }
        parts = members.map {
            Part(
                name: $0.key.onOneLine(40), isOn: $0.value["on"]?.bool ?? false,
                detail: ($0.value["detail"]?.string ?? "").onOneLine(200))
        }
    }

    /// Starts a child and asks it.
    package static func ask() throws(PluginError) -> SandboxReport {
        try ChildPlugin.sandbox()
    }
}
