import Foundation
import PluginCheck
import Testing

/// Plugins built for these tests, in a folder that only this user can write to.
enum Builds {
    static let top = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().path
    static let sources = top + "/Tests/BrokenPlugins"
    /// Where the package's build lies, and with it this test.
    static let products = URL(filePath: CommandLine.arguments[0]).deletingLastPathComponent().path

    /// The files of Tests/BrokenPlugins without their endings: the rules that they break.
    static let broken = names(in: sources)
    /// Those of Tests/BrokenPlugins/good, which break none.
    static let good = names(in: sources + "/good").map { "good/\($0)" }

    private static func names(in folder: String) -> [String] {
        let files = (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
        return files.filter { $0.hasSuffix(".c") }.map { String($0.dropLast(2)) }.sorted()
    }

    /// The library of `<name>.c`.
    static func library(_ name: String) throws -> String { try folder.get() + "/\(name).so" }

    /// One made of `<name>.c` with that define.
    static func library(_ name: String, _ define: String) throws -> String {
        let library = try folder.get() + "/\(define).so"
        try compile(name, ["-D\(define)"], to: library)
        return library
    }

    private static let folder = Result { () throws -> String in
        let folder = FileManager.default.temporaryDirectory.appending(path: "peft-host-\(UUID().uuidString)").path
        try FileManager.default.createDirectory(
            atPath: folder, withIntermediateDirectories: false, attributes: [.posixPermissions: 0o700])
        // What no-swift-runtime needs.
        let empty = folder + "/empty.c"
        try "".write(toFile: empty, atomically: true, encoding: .utf8)
        try run("cc", ["-shared", empty, "-Wl,-soname,libswiftCore.so", "-o", folder + "/libswiftCore.so"])
        nonisolated(unsafe) var errors: [any Error] = []
        let lock = NSLock()
        let names = broken + good
        try FileManager.default.createDirectory(atPath: folder + "/good", withIntermediateDirectories: false)
        try FileManager.default.setAttributes([.posixPermissions: 0o700], ofItemAtPath: folder + "/good")
        DispatchQueue.concurrentPerform(iterations: names.count) { index in
            do {
                try compile(names[index], in: folder, to: "\(folder)/\(names[index]).so")
            } catch {
                lock.withLock { errors.append(error) }
            }
        }
        if let error = errors.first { throw error }
        return folder
    }

    /// - Parameter folder: where libraries are that it is linked with.
    private static func compile(
        _ name: String, _ more: [String] = [], in folder: String = "/", to library: String
    ) throws {
        let source = "\(sources)/\(name).c"
        let lines = try String(contentsOfFile: source, encoding: .utf8).split(separator: "\n")
        let flags = lines.filter { $0.hasPrefix("// cc: ") }.flatMap { $0.dropFirst(7).split(separator: " ") }
        let exports = flags.contains { $0.contains("version-script") } ? "" : "\(top)/Plugins/exports.map"
        try run(
            "cc",
            [
                "-std=gnu11", "-shared", "-fPIC", "-O1", "-w", "-I\(top)/Sources/PluginAPI/C/include", "-I\(sources)",
                source, "-o", library, "-L\(folder)",
            ] + more + flags.map(String.init) + (exports.isEmpty ? [] : ["-Wl,--version-script=\(exports)"]) + ["-lm"])
    }

    /// One of the package's own plugins, linked once more from what the build made of it, as it is for distribution: the
    /// build's own shares the host's Swift runtime.
    static func distribution(_ method: String) throws -> String {
        let library = try folder.get() + "/lib\(method).so"
        let objects = try ["\(method)Plugin", "\(method)Manifest", "PluginAPI", "CPeftPlugin"].flatMap { target in
            try FileManager.default.subpathsOfDirectory(atPath: "\(products)/\(target).build")
                .filter { $0.hasSuffix(".o") }.map { "\(products)/\(target).build/\($0)" }
        }
        try run(
            "swiftc",
            [
                "-emit-library", "-static-stdlib", "-no-toolchain-stdlib-rpath", "-use-ld=lld", "-Xlinker",
                "-Bsymbolic",
                "-Xlinker", "--version-script=\(top)/Plugins/exports.map", "-o", library,
            ] + objects)
        return library
    }

    private static func run(_ program: String, _ arguments: [String]) throws {
        let process = Process()
        process.executableURL = URL(filePath: "/usr/bin/env")
        process.arguments = [program] + arguments
        process.currentDirectoryURL = URL(filePath: sources)
        process.standardError = FileHandle.nullDevice
        try process.run()
        process.waitUntilExit()
        try #require(
            process.terminationStatus == 0, "\(program) \(arguments.joined(separator: " ")) failed: run it by hand")
    }

    static func check(_ path: String, options: [(name: String, text: String)] = []) throws -> [Check.Result] {
        try Check(
            path: path, seed: 1, options: options, level: .distribution, executable: products + "/peft-host"
        ).run()
    }
}
