import Adapters
import ArgumentParser
import Formats
import Foundation

/// The program that keeps adapters, peft-registry, which lies beside this one.
enum RegistryProgram {
    private static let name = "peft-registry"

    /// - Throws: `AdapterError` where it is missing.
    static func path() throws -> String {
        let own = URL(filePath: "/proc/self/exe").resolvingSymlinksInPath().deletingLastPathComponent()
        let path = own.appending(path: name).path
        guard FileManager.default.isExecutableFile(atPath: path) else {
            throw AdapterError(
                "it is not there", place: path, remedy: "build it with: swift build -c release --product \(name)")
        }
        return path
    }

    /// What it prints, without the end of its last line.
    ///
    /// - Throws: its exit code, where it fails; it has then said why.
    static func output(_ arguments: [String]) throws -> String {
        let process = Process()
        process.executableURL = URL(filePath: try path())
        process.arguments = arguments
        let pipe = Pipe()
        process.standardOutput = pipe
        try process.run()
        let bytes = try pipe.fileHandleForReading.readToEnd() ?? Data()
        process.waitUntilExit()
        guard process.terminationStatus == 0 else { throw ExitCode(process.terminationStatus) }
        return String(decoding: bytes, as: UTF8.self).trimmingCharacters(in: .newlines)
    }

    /// An adapter's folder: the text itself, or where the registry's version is that it names (`name@production`).
    static func folder(_ text: String) throws -> String {
        guard text.contains("@"), !FileManager.default.fileExists(atPath: text) else { return text }
        return try output(["path", text])
    }
}
