import CHostSupport
import Formats
import Glibc

/// A child process that runs rules on the plugin, so that whatever the plugin does ends there.
final class Child {
    private let process: pid_t
    private let lines: Lines
    private let socket: Int32
    /// What the child printed, which no plugin should.
    private let printed: Int32
    private var lastNote = ""
    private(set) var isAlive = true

    /// - Throws: `CheckError` where no process can be started.
    init(executable: String, path: String, seed: UInt64, options: [(name: String, text: String)]) throws {
        let arguments =
            ["plugins", "probe", path, "--seed", String(seed)] + options.flatMap { ["-o", "\($0.name)=\($0.text)"] }
        var sockets: [Int32] = [-1, -1]
        guard socketpair(AF_UNIX, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0, &sockets) == 0 else {
            throw CheckError("no socket: \(String(cString: strerror(errno)))")
        }
        defer { close(sockets[1]) }
        socket = sockets[0]
        printed = host_memory_file()
        lines = Lines(descriptor: sockets[0])

        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
        posix_spawn_file_actions_adddup2(&actions, printed, 1)
        posix_spawn_file_actions_adddup2(&actions, printed, 2)
        posix_spawn_file_actions_adddup2(&actions, sockets[1], Probe.descriptor)
        // A thread of a pool may block signals; the child starts without.
        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        var none = sigset_t()
        sigemptyset(&none)
        posix_spawnattr_setsigmask(&attributes, &none)
        posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGMASK))
        var argv = ([executable] + arguments).map { strdup($0) } + [nil]
        defer { for argument in argv { free(argument) } }
        // Swift would take seconds to print the stack of a crash, which says nothing to the plugin's author.
        setenv("SWIFT_BACKTRACE", "enable=no", 1)
        var process: pid_t = 0
        let code = posix_spawn(&process, executable, &actions, &attributes, &argv, environ)
        self.process = process
        guard code == 0 else {
            throw CheckError("\(executable) cannot be started: \(String(cString: strerror(code)))")
        }
    }

    deinit {
        if isAlive { end() }
        close(socket)
        close(printed)
    }

    /// Has the child run one rule. A child that does not answer in time, or at all, is gone afterwards.
    func run(_ rule: Rule) -> Outcome {
        lastNote = ""
        let deadline = ContinuousClock.now + .seconds(rule.seconds)
        lines.send(rule.id)
        while let line = lines.next(before: deadline) {
            guard let json = try? JSON.parse(line.utf8, place: "child") else { break }
            if let note = json["note"]?.string { lastNote = note }
            if let outcome = Outcome(json) { return outcome }
        }
        let isLate = ContinuousClock.now >= deadline
        let status = end()
        let place = lastNote.isEmpty ? "" : " while \(lastNote)"
        if isLate { return .failed("did not come back within \(rule.seconds) s\(place)") }
        let signal = status & 0x7F
        let how =
            signal == 0
            ? "ended the process with exit code \(status >> 8 & 0xFF)"
            : "crashed with signal \(signal) (\(String(cString: strsignal(signal))))"
        let said = lastLine.isEmpty ? "" : "; it printed: \(lastLine)"
        return .failed(how + place + said)
    }

    @discardableResult private func end() -> Int32 {
        isAlive = false
        // A child that has ended already keeps the status that it ended with.
        var pause = timespec(tv_sec: 0, tv_nsec: 50_000_000)
        var status: Int32 = 0
        if waitpid(process, &status, WNOHANG) == process { return status }
        nanosleep(&pause, nil)
        kill(process, SIGKILL)
        waitpid(process, &status, 0)
        return status
    }

    /// The end of what the child printed, for crashes that say why.
    private var lastLine: String {
        var bytes = [UInt8](repeating: 0, count: 4096)
        let size = lseek(printed, 0, SEEK_END)
        let count = pread(printed, &bytes, bytes.count, max(0, size - off_t(bytes.count)))
        let text = String(decoding: bytes.prefix(max(0, count)), as: UTF8.self)
        let lines = text.split(whereSeparator: \.isNewline)
        let telling = lines.first { $0.contains("atal error") } ?? lines.last ?? ""
        return String(telling.prefix(300))
    }
}
