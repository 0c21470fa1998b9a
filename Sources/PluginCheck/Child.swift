import CHostSupport
import Formats
import Foundation
import PluginHost

/// A child process that runs rules on the plugin, so that whatever the plugin does ends there.
final class Child {
    private let process: pid_t
    private let lines: Lines
    private let socket: Int32
    /// What the child printed, which no plugin should.
    private let printed: Int32
    /// The one folder that it may write to.
    private let scratch: String
    private var lastNote = ""
    private(set) var isAlive = true

    /// - Throws: `CheckError` where no process can be started.
    init(executable: String, path: String, seed: UInt64, options: [(name: String, text: String)]) throws {
        func fail(_ what: String, _ number: Int32) -> CheckError {
            CheckError("\(what): \(String(cString: strerror(number)))")
        }
        let folder = FileManager.default.temporaryDirectory.path + "/peft-host-check-XXXXXX"
        var template = Array(folder.utf8CString)
        guard mkdtemp(&template) != nil, let real = realpath(template, nil) else { throw fail(folder, errno) }
        scratch = String(cString: real)
        free(real)

        var sockets: [Int32] = [-1, -1]
        printed = host_memory_file()
        guard printed >= 0, socketpair(AF_UNIX, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0, &sockets) == 0
        else {
            throw fail("no socket", errno)
        }
        defer { close(sockets[1]) }
        socket = sockets[0]
        lines = Lines(descriptor: sockets[0])
        let arguments =
            [executable, "plugins", "probe", path, "--seed", String(seed), "--scratch", scratch]
            + options.flatMap { ["-o", "\($0.name)=\($0.text)"] }
        var process: pid_t = 0
        let error = spawn(
            executable, arguments, environment: TraceProgram.environment + ["TMPDIR=\(scratch)"], channel: sockets[1],
            output: printed, &process)
        self.process = process
        guard error == 0 else { throw fail("\(executable) cannot be started", error) }
    }

    deinit {
        if isAlive { end() }
        close(socket)
        close(printed)
        try? FileManager.default.removeItem(atPath: scratch)
    }

    /// Has the child run one rule. A child that does not answer in time, or at all, is gone afterwards.
    ///
    /// - Parameters:
    ///   - id: of the rule, or of a fact.
    ///   - seconds: wall-clock limit.
    func run(_ id: String, seconds: Double) -> Outcome {
        lastNote = ""
        let deadline = ContinuousClock.now + .seconds(seconds)
        lines.send(id)
        while let line = lines.next(before: deadline) {
            guard let json = try? JSON.parse(line.utf8, place: "child") else { break }
            if let note = json["note"]?.string { lastNote = note }
            if let outcome = Outcome(json) { return outcome }
        }
        let isLate = ContinuousClock.now >= deadline
        let status = end()
        let place = lastNote.isEmpty ? "" : " while \(lastNote)"
        if isLate { return .failed("did not come back within \(seconds) s\(place)") }
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
        for _ in 0..<25 where host_has_ended(process) == 0 { usleep(2000) }
        var memory: Int64 = 0
        return host_reap(process, &memory)
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
