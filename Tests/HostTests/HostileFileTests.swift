import Foundation
import Synchronization
import TestSupport
import Testing

extension HostTests {
    /// Libraries in which anything was changed, and the commands that look at them: each answers, with a table, a report or one
    /// error. Every case follows from its number.
    @Suite struct HostileFiles {
        private static let hasC = Tool.isThere("cc") || Tool.isThere("clang")

        @Test(.enabled(if: hasC, "there is no C compiler")) func libraries() throws {
            let scratch = try Scratch()
            let script = Fixtures.repository.appending(path: "Examples/VeRA/build.sh").path
            try Tool.run("'\(script)' '\(scratch / "libVeRA.so")'")
            let original = [UInt8](try Data(contentsOf: URL(filePath: scratch / "libVeRA.so")))
            let paths = try (0..<1000).map { seed in
                var random = Seeded(seed)
                let folder = scratch / "\(seed / 50)"
                let mode: [FileAttributeKey: Any] = [.posixPermissions: 0o700]
                try FileManager.default.createDirectory(
                    atPath: folder, withIntermediateDirectories: true, attributes: mode)
                let bytes = Data(MutatedLibrary(original, &random).bytes)
                let path = "\(folder)/lib\(seed).so"
                try #require(FileManager.default.createFile(atPath: path, contents: bytes, attributes: mode))
                return path
            }
            let folders = (0..<20).map { ["list", "--plugin-path", scratch / "\($0)", "--json"] }
            // Those that are listed as plugins are loaded, too: one in 25, or with PEFT_HOST_CHECK_ALL set every one, by every
            // rule, which takes half an hour.
            let checksAll = ProcessInfo.processInfo.environment["PEFT_HOST_CHECK_ALL"] != nil
            let checked = paths.enumerated().filter { checksAll || $0.offset % 25 == 0 }.map {
                ["check", $0.element] + (checksAll ? [] : ["--rule", "traces"])
            }
            let commands = folders + paths.map { ["info", $0, "--json"] } + checked
            let answers = Mutex<[String: Int]>([:])
            let problems = Mutex<[String]>([])
            DispatchQueue.concurrentPerform(iterations: commands.count) { index in
                let arguments = ["plugins"] + commands[index]
                // A command leaves with whatever it holds. That nothing leaks is seen where such files are read in a loop.
                let environment = ["ASAN_OPTIONS": "detect_leaks=0"]
                guard let result = try? Program.run(arguments, environment: environment) else { return }
                answers.withLock { $0["\(commands[index][0]) \(result.code)", default: 0] += 1 }
                if ![0, 1].contains(result.code) || result.error.contains("Sanitizer") {
                    problems.withLock { $0.append("\(arguments): \(result.code) \(result.error)") }
                }
            }
            #expect(problems.withLock { $0 } == [])
            // The changes are neither harmless nor all fatal.
            let counts = answers.withLock { $0 }
            #expect((counts["list 0"] ?? 0) + (counts["list 1"] ?? 0) == 20, "\(counts)")
            for code in ["info 0", "info 1"] { #expect((50...950).contains(counts[code] ?? 0), "\(counts)") }
            #expect((counts["check 0"] ?? 0) + (counts["check 1"] ?? 0) == checked.count, "\(counts)")
        }
    }
}
