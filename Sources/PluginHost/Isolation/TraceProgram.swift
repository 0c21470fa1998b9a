import Glibc

/// The program that a child runs.
package enum TraceProgram {
    package static let name = "peft-trace"

    /// Its path: beside this program.
    package static func path() throws(PluginError) -> String {
        let executable = realpath("/proc/self/exe", nil)
        defer { free(executable) }
        let own = executable.map { String(cString: $0) } ?? ""
        let path = own[..<(own.lastIndex(of: "/") ?? own.startIndex)] + "/\(name)"
        guard access(String(path), X_OK) == 0 else {
            throw PluginError(
                .notFound, "plugins are traced by this program, which is not there", place: String(path),
                remedy: "install it beside \(HostVersion.product), or trace with --in-process")
        }
        return String(path)
    }

    /// What a child's environment is: of this process's, where libraries are and what sanitizers are told; and that Swift's
    /// runtime starts no debugger when the plugin crashes.
    package static var environment: [String] {
        let names: [String] = ["LD_LIBRARY_PATH", "ASAN_OPTIONS", "UBSAN_OPTIONS"]
        return names.compactMap { name in getenv(name).map { "\(name)=\(String(cString: $0))" } }
            + ["SWIFT_BACKTRACE=enable=no"]
    }
}
