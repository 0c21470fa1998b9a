import CHostSupport
import Glibc

/// A running child and the conversation with it. Whatever it does, talking to it ends within its time, and it is gone
/// afterwards, with all that it started.
final class ChildProcess {
    /// How a conversation ended without an answer.
    enum Ending {
        /// By a signal, or by leaving with a code.
        case signal(Int32, memory: Int)
        case exit(Int32)
        case timeout
        /// It closed the channel and went on.
        case silence
        case nonsense(String)
    }

    enum Reply {
        case none
        case send(Frame)
        /// That was the answer.
        case done
    }

    /// All that a child may send beside its answer: bytes, and messages.
    private static let mostTalk = 16 << 20
    private static let mostMessages = 1 << 17

    private let channel: Int32
    private let output: Int32
    private let pid: Int32
    private var isReaped = false

    /// - Throws: `PluginError` where no process can be started.
    init(_ program: String, environment: [String]) throws(PluginError) {
        func fail(_ number: Int32) -> PluginError {
            PluginError(
                .notFound, "cannot be started: \(String(cString: strerror(number)))", place: program,
                remedy: "trace with --in-process")
        }
        var ends: [Int32] = [-1, -1]
        output = host_memory_file()
        guard output >= 0 else { throw fail(errno) }
        guard socketpair(AF_UNIX, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0, &ends) == 0 else {
            let number = errno
            close(output)
            throw fail(number)
        }
        channel = ends[0]
        defer { close(ends[1]) }
        var pid: Int32 = 0
        let error = spawn(program, [program], environment: environment, channel: ends[1], output: output, &pid)
        self.pid = pid
        guard error == 0 else {
            isReaped = true
            close(output)
            close(channel)
            throw fail(error)
        }
    }

    deinit { if !isReaped { _ = reap() } }

    /// Sends a request and answers what the child asks until its last message.
    ///
    /// - Returns: nil after an answer.
    func converse(
        _ request: Frame, seconds: Int, _ handle: (Frame) throws(PluginError) -> Reply
    ) throws(PluginError) -> Ending? {
        let end = Self.now + Double(seconds)
        var pending = request.bytes[...]
        var buffer = FrameBuffer()
        var (received, messages) = (0, 0)
        while true {
            let left = end - Self.now
            guard left > 0 else { return .timeout }
            var state = pollfd(fd: channel, events: Int16(POLLIN | (pending.isEmpty ? 0 : POLLOUT)), revents: 0)
            // Something that it started may hold the channel open: so its end is looked for, too.
            let ready = poll(&state, 1, Int32(min(left, 0.1) * 1000) + 1)
            if ready == 0, host_has_ended(pid) != 0 { return ending(after: 0) }
            if state.revents & Int16(POLLOUT) != 0 {
                let sent = pending.withUnsafeBytes { send(channel, $0.baseAddress, $0.count, Self.sendFlags) }
                if sent > 0 { pending = pending.dropFirst(sent) }
            }
            guard state.revents & Int16(POLLIN | POLLHUP | POLLERR) != 0 else { continue }
            guard let bytes = receive() else { continue }
            guard !bytes.isEmpty else { return ending(after: min(left, 1)) }
            received += bytes.count
            guard received <= Self.mostTalk + Frame.Kind.program.limit else {
                return .nonsense("\(received) bytes, and no answer")
            }
            buffer.append(bytes)
            while let next = buffer.next() {
                guard case .success(let frame) = next else {
                    if case .failure(let failure) = next { return .nonsense(failure.message) }
                    break
                }
                messages += 1
                guard messages <= Self.mostMessages else { return .nonsense("\(messages) messages, and no answer") }
                switch try handle(frame) {
                case .none: break
                case .send(let frame): pending += frame.bytes
                case .done: return nil
                }
            }
        }
    }

    private static let sendFlags = Int32(MSG_NOSIGNAL) | Int32(MSG_DONTWAIT)

    /// What is there to be read: empty at the end, nil where nothing is there yet.
    private func receive() -> [UInt8]? {
        var count = 0
        let bytes = [UInt8](unsafeUninitializedCapacity: 1 << 16) { buffer, initialized in
            count = recv(channel, buffer.baseAddress, buffer.count, Int32(MSG_DONTWAIT))
            initialized = max(count, 0)
        }
        return count < 0 && [EAGAIN, EINTR].contains(errno) ? nil : bytes
    }

    /// How it ended that closed the channel; it may need a moment for that.
    private func ending(after seconds: Double) -> Ending {
        let end = Self.now + seconds
        while host_has_ended(pid) == 0 {
            guard Self.now < end else { return .silence }
            usleep(2000)
        }
        let (status, memory) = reap()
        return status & 0x7F == 0 ? .exit(status >> 8 & 0xFF) : .signal(status & 0x7F, memory: memory)
    }

    /// Ends the child.
    private func reap() -> (status: Int32, memory: Int) {
        var memory: Int64 = 0
        let status = host_reap(pid, &memory)
        isReaped = true
        close(channel)
        return (status, Int(memory))
    }

    /// Ends the child, and gives the beginning of what was printed in it.
    func finish() -> String {
        if !isReaped { _ = reap() }
        defer { close(output) }
        var count = 0
        let bytes = [UInt8](unsafeUninitializedCapacity: 2048) { buffer, initialized in
            count = max(pread(output, buffer.baseAddress, buffer.count, 0), 0)
            initialized = count
        }
        return String(decoding: bytes, as: UTF8.self).trimmed.onOneLine(400)
    }

    private static var now: Double {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
    }
}

/// See `host_spawn`.
package func spawn(
    _ program: String, _ arguments: [String], environment: [String], channel: Int32, output: Int32, _ pid: inout Int32
) -> Int32 {
    let texts = [arguments, environment].map { list in list.map { strdup($0) } + [nil] }
    defer { for text in texts.joined() { free(text) } }
    return host_spawn(program, texts[0], texts[1], channel, output, &pid)
}
