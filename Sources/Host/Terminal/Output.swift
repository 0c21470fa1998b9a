import Foundation

/// Results: standard output, written line by line at once, so that the reader of a pipe sees each when it is there.
enum Output {
    /// Ends the program where that is impossible: nobody would see the rest.
    static func line(_ text: String) {
        do {
            try FileHandle.standardOutput.write(contentsOf: Data((text + "\n").utf8))
        } catch {
            Message.note("Error: standard output cannot be written: \(error.localizedDescription)")
            Foundation.exit(1)
        }
    }
}
