import CHostSupport
import Formats
import Glibc

/// The child's side: reads the ids of rules and facts, one a line, from its descriptor, and answers each with a line of JSON.
package enum Probe {
    /// The socket to the parent.
    private static let descriptor: Int32 = 3
    /// A plugin that wants more than this has failed: bytes of memory, seconds of computing, bytes of a file.
    private static let most: (memory: UInt64, seconds: UInt64, file: UInt64) = (4 << 30, 3600, 64 << 20)

    /// Runs what the parent asks until it hangs up, in a sandbox.
    ///
    /// - Parameter scratch: the only folder that may be written to.
    package static func serve(path: String, seed: UInt64, scratch: String, options: [(name: String, text: String)]) {
        host_end_with_parent()
        host_limit(most.memory, most.seconds, most.file)
        _ = host_enter_sandbox(scratch)
        let line = Lines(descriptor: descriptor)
        let subject = Subject(path: path, seed: seed, options: options) { line.send(["note": .string($0)]) }
        while let id = line.next() { line.send(answer(id, subject).json) }
    }

    private static func answer(_ id: String, _ subject: Subject) -> Outcome {
        do {
            for rule in Rule.all {
                if rule.id == id { return try rule.run(subject) }
                if let fact = rule.fact, fact.id == id { return .skipped(try fact.find(subject)) }
            }
            return .failed("there is no rule \(id)")
        } catch {
            return .failed("\(error)")
        }
    }
}

extension Outcome {
    fileprivate var json: JSON {
        switch self {
        case .passed: ["outcome": "passed", "message": ""]
        case .failed(let message): ["outcome": "failed", "message": .string(message)]
        case .skipped(let message): ["outcome": "skipped", "message": .string(message)]
        }
    }

    init?(_ json: JSON) {
        let message = json["message"]?.string ?? ""
        switch json["outcome"]?.string {
        case "passed": self = .passed
        case "failed": self = .failed(message)
        case "skipped": self = .skipped(message)
        default: return nil
        }
    }
}

/// Lines of text over a socket, both ways.
final class Lines: @unchecked Sendable {
    private let descriptor: Int32
    private var rest: [UInt8] = []

    init(descriptor: Int32) { self.descriptor = descriptor }

    /// False where the other side is gone.
    @discardableResult func send(_ json: JSON) -> Bool { send(json.text()) }

    @discardableResult func send(_ text: String) -> Bool {
        var bytes = Array((text + "\n").utf8)[...]
        while !bytes.isEmpty {
            let count = bytes.withUnsafeBytes {
                Glibc.send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
            }
            if count < 0, errno != EINTR { return false }
            bytes = bytes.dropFirst(max(count, 0))
        }
        return true
    }

    /// The next line; nil at the end, or when `deadline` (of the monotonic clock) has passed.
    func next(before deadline: ContinuousClock.Instant? = nil) -> String? {
        var buffer = [UInt8](repeating: 0, count: 4096)
        while true {
            if let end = rest.firstIndex(of: UInt8(ascii: "\n")) {
                defer { rest.removeSubrange(...end) }
                return String(decoding: rest[..<end], as: UTF8.self)
            }
            var wait: Int32 = -1
            if let deadline {
                let left = (deadline - .now) / Duration.milliseconds(1)
                guard left > 0 else { return nil }
                wait = Int32(min(left.rounded(.up), 1e9))
            }
            var poll = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
            guard Glibc.poll(&poll, 1, wait) >= 0 || errno == EINTR else { return nil }
            guard poll.revents != 0 else { continue }
            let count = read(descriptor, &buffer, buffer.count)
            if count <= 0 { return nil }
            rest += buffer[..<count]
            guard rest.count <= 1 << 20 else { return nil }
        }
    }
}
