import Formats
import Foundation
import Testing

extension HostTests {
    /// Plugins that do harm: one error, code 1, and nothing written.
    @Suite struct Isolation {
        private let scratch: Scratch
        private let model: String
        private let data: String

        init() throws {
            scratch = try Scratch()
            model = try Material.tiny(scratch)
            data = try Material.data(scratch)
        }

        private static let tests = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()

        private func compile(_ compiler: String, _ defines: [String], _ more: [String] = []) throws -> String {
            let library = scratch / "libHostile.so"
            let source = Self.tests.appending(path: "PluginHostTests/Plugins/hostile.c").path
            let header = Self.tests.deletingLastPathComponent().appending(path: "Sources/PluginAPI/C/include").path
            let arguments = ["-shared", "-fPIC", "-std=gnu11", "-I", header] + defines.map { "-D\($0)" }
            let result = try Program.Running(
                "/usr/bin/env", [compiler] + arguments + [source] + more + ["-o", library, "-lm"]
            ).wait()
            try #require(result.code == 0, "\(result.error)")
            return library
        }

        /// A hostile plugin with the manifest that the host writes for it.
        private func plugin(
            _ compiler: String, _ harm: String, _ place: String, _ defines: [String] = []
        ) throws -> String {
            let bare = try compile(compiler, ["HARM=crash", "AT=none", "at_none=99"])
            let manifest = try scratch.write(Program.output(["plugins", "manifest", bare]).output, "manifest.c")
            return try compile(compiler, ["HARM=\(harm)", "AT=\(place)"] + defines, [manifest])
        }

        private func train(_ plugin: String) -> [String] {
            [
                "train", "--plugin", plugin, "--model", model, "--data", data, "--task", "seq-cls", "--epochs", "1",
                "--output", scratch / "out",
            ]
        }

        @Test func harm() throws {
            guard let compiler = Compiler.name else { return }
            for (harm, place, words) in [
                ("crash", "plan", ["Broken", "plan", "signal 11"]),
                ("leave", "inject", ["Broken", "inject at model.layers.1.self_attn.q_proj", "exit code 0"]),
                ("print", "entry", ["Broken", "peft_plugin_entry", "debug: rank"]),
            ] {
                let library = try plugin(compiler, harm, place)
                let result = try Program.run(train(library))
                try expectFailure(result, code: 1, words)
                #expect(result.errorLines.count == 1, "\(result.error)")
                #expect(!FileManager.default.fileExists(atPath: scratch / "out"))
            }
        }

        /// The library never gets into the host's process, unless that is asked for.
        @Test func pinsAndProcesses() throws {
            guard let compiler = Compiler.name else { return }
            let library = try plugin(compiler, "print", "method")
            let digest = try SHA256.file(library)
            try expectFailure(train(library), code: 1, "method", "standard output")
            try expectFailure(
                train(library) + ["--plugin-sha256", String(repeating: "a", count: 64)], code: 1, "SHA-256 is \(digest)"
            )
            try expectFailure(train(library) + ["--plugin-sha256", "123"], code: 2, "64 hexadecimal digits")
            let result = try Program.output(train(library) + ["--in-process", "--plugin-sha256", digest])
            #expect(result.output.contains("debug: rank"))
        }

        /// What `plugins check` runs of a plugin is denied what tracing it is, and may write to a folder of its own only. What
        /// is tried ends the plugin with SIGABRT where it succeeds.
        @Test(arguments: ["fork", "socket", "execute", "write", "change", "signal", "look", "environment"])
        func checkedInASandbox(harm: String) throws {
            guard let compiler = Compiler.name, try Self.isConfined() else { return }
            let file = try scratch.write("mine", "diary.txt")
            let before = try FileManager.default.contentsOfDirectory(atPath: scratch.path)
            for place in ["load", "inject"] {
                let library = try plugin(compiler, harm, place, ["FILE_OF_USER=\"\(file)\""])
                let result = try Program.run(["plugins", "check", library, "--rule", "loads", "--rule", "traces"])
                #expect(result.code == 0, "\(result.output)")
            }
            #expect(try String(contentsOfFile: file, encoding: .utf8) == "mine")
            let made = Set(try FileManager.default.contentsOfDirectory(atPath: scratch.path)).subtracting(before)
            #expect(made.isSubset(of: ["libHostile.so", "manifest.c"]))
        }

        /// Whether the kernel can deny what is tried.
        private static func isConfined() throws -> Bool {
            let result = try Program.output(["plugins", "info", "LoRA", "--security", "--json"]).output
            let sandbox = try JSON.parse(result.utf8, place: "")["security"]?["sandbox"]
            return ["landlock", "seccomp"].allSatisfy { sandbox?[$0]?["on"] == true }
        }

        @Test func security() throws {
            let result = try Program.output(["plugins", "info", "LoRA", "--security", "--json"]).output
            let security = try JSON.parse(result.utf8, place: "")["security"]
            #expect(security?["sha256"]?.string?.utf8.count == 64)
            let names = security?["sandbox"]?.members?.map(\.key)
            #expect(
                names == [
                    "no_new_privileges", "user_namespace", "network_namespace", "read_only_mounts", "landlock",
                    "seccomp",
                ])
            #expect(security?["sandbox"]?["no_new_privileges"]?["on"] == true)
            let lines = try Program.output(["plugins", "info", "LoRA", "--security"]).lines
            #expect(lines.contains { $0.contains("SHA-256") } && lines.contains { $0.contains("seccomp") })
        }

        /// Without the child's program there is one clear error, and --in-process goes on.
        @Test func withoutTheProgram() throws {
            let host = scratch / "peft-host"
            try FileManager.default.copyItem(atPath: Program.path, toPath: host)
            let arguments = [
                "plan", "--plugin", Program.folder.appending(path: "libLoRA.so").path, "--config",
                model + "/config.json",
            ]
            let result = try Program.Running(host, arguments).wait()
            try expectFailure(result, code: 1, ["peft-trace", "is not there", "--in-process"])
            let inProcess = try Program.Running(host, arguments + ["--in-process"]).wait()
            #expect(inProcess.code == 0, "\(inProcess.error)")
        }

        /// What a child adds to a command: the best of some runs, since other tests share the machine.
        @Test func aChildStartsWithin100Milliseconds() throws {
            let plan = ["plan", "--plugin", "LoRA", "--config", model + "/config.json"]
            func best(_ arguments: [String]) throws -> Double {
                try (0..<8).map { _ in
                    let start = Date()
                    try Program.output(arguments)
                    return -start.timeIntervalSinceNow
                }.min()!
            }
            let (child, inProcess) = (try best(plan), try best(plan + ["--in-process"]))
            #expect(child - inProcess < 0.1, "\(child) s and \(inProcess) s")
        }

        @Test func theProgramAlone() throws {
            let result = try Program.Running(Program.folder.appending(path: "peft-trace").path, []).wait()
            #expect(result.code == 2 && result.errorLines.count == 1)
        }
    }
}
