import Foundation

/// Results: standard output, written line by line at once, so that the reader of a pipe sees each when it is there.
package enum Output {
    /// Ends the program where that is impossible: nobody would see the rest.
    package static func line(_ line: String) { text(line + "\n") }

    /// A part of a line, or several: seen at once. Ends the program as ``line(_:)`` does.
    package static func text(_ text: String) {
        guard !write(text, to: STDOUT_FILENO) else { return }
        Message.note("Error: standard output cannot be written: \(String(cString: strerror(errno)))")
        exit(1)
    }

    /// Writes all of the text; false, with `errno`, where the system refuses. (`FileHandle` would trap.)
    package static func write(_ text: String, to descriptor: Int32) -> Bool {
        var rest = Array(text.utf8)[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { Foundation.write(descriptor, $0.baseAddress, $0.count) }
            if count < 0, errno != EINTR { return false }
            rest = rest.dropFirst(max(count, 0))
        }
        return true
    }
}

/// Messages for people: standard error, so that standard output stays the result.
package enum Message {
    package static func note(_ text: String) { write(text + "\n") }
    package static func warn(_ text: String) { note("warning: \(text)") }

    /// Where standard error is closed or full, the work goes on without messages.
    package static func write(_ text: String) { _ = Output.write(text, to: STDERR_FILENO) }
}
