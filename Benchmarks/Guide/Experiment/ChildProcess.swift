import Foundation

/// One program after the other, each in a process group of its own, so that Ctrl-C reaches it once: through
/// ``interrupt()``.
package enum ChildProcess {
    nonisolated(unsafe) private static var current: pid_t = 0
    nonisolated(unsafe) private static var interrupted: sig_atomic_t = 0

    /// Whether Ctrl-C or a polite kill has come.
    package static var isInterrupted: Bool { interrupted != 0 }

    /// From now on the first Ctrl-C (or polite kill) asks the running program to end, and the second ends this one too.
    package static func watchSignals() {
        for number in [SIGINT, SIGTERM] {
            signal(number) { _ in ChildProcess.interrupt() }
        }
    }

    private static func interrupt() {
        if current > 0 { kill(current, interrupted == 0 ? SIGINT : SIGKILL) }
        if interrupted != 0 { _exit(130) }
        interrupted = 1
    }

    /// Runs a program to its end.
    ///
    /// - Parameters:
    ///   - arguments: the executable's path first.
    ///   - errors: the file that takes its standard error.
    ///   - line: told every line of its standard output at once.
    /// - Returns: its exit code; of a signal its number plus 128.
    /// - Throws: `GuideError` where it cannot be started.
    package static func run(
        _ arguments: [String], environment: [String: String] = [:], errors: String, line: (String) -> Void
    ) throws(GuideError) -> Int32 {
        var ends: [Int32] = [0, 0]
        guard pipe(&ends) == 0 else { throw GuideError("no pipe: \(String(cString: strerror(errno)))") }
        defer { close(ends[0]) }
        // The program gets neither end, but its standard output.
        for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
        var actions = posix_spawn_file_actions_t()
        var attributes = posix_spawnattr_t()
        posix_spawn_file_actions_init(&actions)
        posix_spawnattr_init(&attributes)
        defer {
            posix_spawn_file_actions_destroy(&actions)
            posix_spawnattr_destroy(&attributes)
        }
        posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO)
        posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, errors, O_WRONLY | O_CREAT | O_TRUNC, 0o644)
        posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0)
        posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETPGROUP))
        let all = ProcessInfo.processInfo.environment.merging(environment) { $1 }.map { "\($0)=\($1)" }
        var argv = arguments.map { strdup($0) } + [nil]
        var envp = all.map { strdup($0) } + [nil]
        defer { for pointer in argv + envp { free(pointer) } }
        var child: pid_t = 0
        let code = posix_spawn(&child, arguments[0], &actions, &attributes, &argv, &envp)
        close(ends[1])
        guard code == 0 else {
            throw GuideError("cannot be started: \(String(cString: strerror(code)))", place: arguments[0])
        }
        current = child
        // One that came while it was being started.
        if isInterrupted { kill(child, SIGINT) }
        readLines(ends[0], line)
        var status: Int32 = 0
        while waitpid(child, &status, 0) < 0, errno == EINTR {}
        current = 0
        let signal = status & 0x7F
        return signal == 0 ? (status >> 8) & 0xFF : 128 + signal
    }

    private static func readLines(_ descriptor: Int32, _ line: (String) -> Void) {
        var rest: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 65536)
        while true {
            let count = read(descriptor, &buffer, buffer.count)
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { break }
            rest += buffer[..<count]
            while let end = rest.firstIndex(of: UInt8(ascii: "\n")) {
                line(String(decoding: rest[..<end], as: UTF8.self))
                rest.removeSubrange(...end)
            }
        }
    }
}
