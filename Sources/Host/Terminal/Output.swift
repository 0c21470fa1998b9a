import Foundation

/// Results: standard output, written line by line at once, so that the reader of a pipe sees each when it is there.
enum Output {
    static func line(_ text: String) { FileHandle.standardOutput.write(Data((text + "\n").utf8)) }
}
