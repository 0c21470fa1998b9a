import Formats
import Foundation
import Testing

extension HostTests {
    /// `plugins list`: a table of what lies in the search path, read from files that are never loaded.
    @Suite struct PluginList {
        private let scratch: Scratch
        private let methods = [
            "AdaLoRA", "BottleneckAdapter", "FullFineTuning", "IA3", "LlamaAdapter", "LoRA", "PTuning", "PrefixTuning",
            "PromptTuning",
        ]

        init() throws { scratch = try Scratch() }

        private func copy(_ method: String, to name: String) throws {
            try FileManager.default.copyItem(
                at: Program.folder.appending(path: "lib\(method).so"), to: URL(filePath: scratch / name))
        }

        /// The best of some runs: other tests share the machine.
        @Test func twentyWithin200Milliseconds() throws {
            for number in 0..<20 { try copy(methods[number % methods.count], to: "p\(number).so") }
            let arguments = ["plugins", "list", "--plugin-path", scratch.path]
            let times = try (0..<5).map { _ in
                let start = Date()
                _ = try Program.run(arguments)
                return -start.timeIntervalSinceNow
            }
            #expect(times.min()! < 0.2, "\(times)")
            let lines = try Program.output(arguments).lines
            #expect(
                lines[0].split(separator: " ").joined(separator: " ")
                    == "METHOD VERSION LICENCE SITES CAPABILITIES LIBRARY PROBLEM")
            #expect(lines.filter { $0.contains(/Apache-2.0 .* p\d+\.so/) }.count == 20)
            // 11 of the copies, and all those beside the executable.
            #expect(lines.filter { $0.hasSuffix("shadowed") }.count == 20)
            #expect(lines.filter { $0.hasPrefix("problem: ") }.count == 20)
        }

        @Test func shadowed() throws {
            try copy("LoRA", to: "a.so")
            try copy("LoRA", to: "libLoRA.so")
            let result = try Program.output(["plugins", "list", "--json", "--plugin-path", scratch.path])
            let list = try #require(JSON.parse(result.output.utf8, place: "list").array)
            let kinds = Dictionary(uniqueKeysWithValues: list.map { ($0["path"]?.string ?? "", $0["problem_kind"]) })
            // As --plugin LoRA finds it.
            let info = try Program.output(["plugins", "info", "LoRA", "--json", "--plugin-path", scratch.path])
            let found = try JSON.parse(info.output.utf8, place: "info")["path"]?.string
            #expect(found == scratch / "libLoRA.so" && kinds[scratch / "libLoRA.so"] == .null)
            #expect(kinds[scratch / "a.so"] == "shadowed")
            #expect(kinds[Program.folder.resolvingSymlinksInPath().path + "/libLoRA.so"] == "shadowed")
            let problem = list.first { $0["path"]?.string == scratch / "a.so" }?["problem"]?.string ?? ""
            #expect(problem.contains("LoRA is \(scratch / "libLoRA.so")"), "\(problem)")
        }

        @Test func problems() throws {
            try scratch.write("text", "text.so")
            try copy("LoRA", to: "other.so")
            let plugin = try Data(contentsOf: URL(filePath: scratch / "other.so"))
            try scratch.write(plugin.prefix(5000), "cut.so")
            var foreign = plugin
            foreign[18] = 243  // e_machine: RISC-V
            try scratch.write(foreign, "foreign.so")
            try copy("IA3", to: "open.so")
            try FileManager.default.setAttributes([.posixPermissions: 0o777], ofItemAtPath: scratch / "open.so")
            let arguments = ["plugins", "list", "--plugin-path", scratch.path]
            let table = try Program.run(arguments)
            #expect(table.code == 1 && table.error.isEmpty)
            for (file, problem) in [
                ("text.so", "not a plugin"), ("cut.so", "not a plugin"), ("foreign.so", "incompatible"),
                ("open.so", "refused"),
            ] {
                let row = table.lines.first { $0.contains(" \(file) ") && !$0.hasPrefix("problem") } ?? ""
                #expect(row.hasSuffix(problem), "\(table.output)")
                #expect(table.output.contains("problem: \(scratch / file): "))
            }
            #expect(table.output.contains("is built for riscv64; this host runs on "))
            let json = try Program.run(arguments + ["--json"])
            #expect(json.code == 1)
            let list = try #require(JSON.parse(json.output.utf8, place: "list").array)
            #expect(list.first { $0["path"]?.string == scratch / "other.so" }?["problem"] == .null)
            #expect(list.filter { $0["problem"] != .null && $0["problem_kind"] != "shadowed" }.count == 4)
            #expect(list.contains { $0["manifest"]?["id"] == "IA3" && $0["problem"] == .null })
        }

        /// Neither the working directory nor a relative folder of the environment is looked through; what lies beside the
        /// executable and is no plugin is none of the table's business.
        @Test func whereItLooks() throws {
            try copy("LoRA", to: "here.so")
            let home = try Scratch()
            let program = home / "peft-host"
            try FileManager.default.copyItem(atPath: Program.path, toPath: program)
            try home.write("text", "library.so")
            func list(_ environment: [String: String]) throws -> Program.Result {
                let arguments = ["-C", scratch.path, program, "plugins", "list"]
                let environment = environment.merging(["HOME": home.path]) { $1 }
                return try Program.Running("/usr/bin/env", arguments, environment: environment).wait()
            }
            for environment in [[:], ["PEFT_HOST_PLUGIN_PATH": ".:"], ["LD_LIBRARY_PATH": scratch.path]] {
                let result = try list(environment)
                #expect(result.code == 0 && !result.output.contains("here.so"), "\(result)")
                #expect(!result.output.contains("library.so"))
            }
            #expect(try list(["PEFT_HOST_PLUGIN_PATH": scratch.path]).output.contains("here.so"))
        }
    }
}
