import Formats
import Foundation
import Testing

/// All tests of this target: the program uses every core, so they come one after the other.
@Suite(.serialized) enum HostTests {}

/// `peft-host` as it was built: beside the test bundle, with the plugins.
enum Program {
    static let folder: URL = {
        let bundle = (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")) ?? ""
        let beside = [bundle, CommandLine.arguments[0]].map { URL(filePath: $0).deletingLastPathComponent() }
        return beside.first { FileManager.default.fileExists(atPath: $0.appending(path: "peft-host").path) }
            ?? beside[1]
    }()
    static let path = folder.appending(path: "peft-host").path

    struct Result {
        /// The exit code; of a signal its number plus 128, as shells say it.
        var code: Int32
        var output: String
        var error: String

        var lines: [String] { output.split(separator: "\n").map(String.init) }
        var errorLines: [String] { error.split(separator: "\n").map(String.init) }

        /// Standard output as JSON lines.
        func json() throws -> [JSON] { try lines.map { try JSON.parse($0.utf8, place: "standard output") } }
    }

    /// A process that has been started; standard output and error go to files.
    final class Running {
        private let process = Process()
        private let folder: Scratch

        init(_ executable: String, _ arguments: [String], input: Data = Data(), environment: [String: String] = [:])
            throws
        {
            folder = try Scratch()
            process.executableURL = URL(filePath: executable)
            process.arguments = arguments
            process.environment = ProcessInfo.processInfo.environment.merging(environment) { $1 }
            try input.write(to: URL(filePath: folder / "in"))
            process.standardInput = try FileHandle(forReadingFrom: URL(filePath: folder / "in"))
            process.standardOutput = try folder.file("out")
            process.standardError = try folder.file("err")
            try process.run()
        }

        func kill(_ signal: Int32) { Foundation.kill(process.processIdentifier, signal) }
        var isRunning: Bool { process.isRunning }

        func wait() throws -> Result {
            process.waitUntilExit()
            func text(_ name: String) throws -> String {
                String(decoding: try Data(contentsOf: URL(filePath: folder / name)), as: UTF8.self)
            }
            let wasKilled = process.terminationReason == .uncaughtSignal
            return Result(
                code: process.terminationStatus + (wasKilled ? 128 : 0), output: try text("out"), error: try text("err")
            )
        }
    }

    static func run(
        _ arguments: [String], input: String = "", environment: [String: String] = [:]
    ) throws -> Result {
        try Running(path, arguments, input: Data(input.utf8), environment: environment).wait()
    }

    static func run(_ arguments: [String], bytes: [UInt8]) throws -> Result {
        try Running(path, arguments, input: Data(bytes)).wait()
    }

    /// Runs what must succeed.
    @discardableResult
    static func output(
        _ arguments: [String], input: String = "", sourceLocation: SourceLocation = #_sourceLocation
    ) throws -> Result {
        let result = try run(arguments, input: input)
        try #require(
            result.code == 0, "peft-host \(arguments.joined(separator: " ")): \(result.error)",
            sourceLocation: sourceLocation)
        return result
    }
}

/// A folder of its own for one test, removed with the object. Only this user can write to it, so plugins may lie in it.
final class Scratch {
    let path: String

    init() throws {
        path = FileManager.default.temporaryDirectory.appending(path: "peft-host-\(UUID().uuidString)").path
        try FileManager.default.createDirectory(
            atPath: path, withIntermediateDirectories: false, attributes: [.posixPermissions: 0o700])
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }

    static func / (scratch: Scratch, name: String) -> String { "\(scratch.path)/\(name)" }

    /// A new empty file, open for writing.
    func file(_ name: String) throws -> FileHandle {
        try Data().write(to: URL(filePath: self / name))
        return try FileHandle(forWritingTo: URL(filePath: self / name))
    }

    /// Writes a file, and the folders above it.
    @discardableResult
    func write(_ bytes: some Sequence<UInt8>, _ name: String) throws -> String {
        let url = URL(filePath: self / name)
        try FileManager.default.createDirectory(at: url.deletingLastPathComponent(), withIntermediateDirectories: true)
        try Data(Array(bytes)).write(to: url)
        return url.path
    }

    @discardableResult
    func write(_ text: String, _ name: String) throws -> String { try write(text.utf8, name) }
}
