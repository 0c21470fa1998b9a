import Formats
import Foundation
import Testing

extension HostTests {
    /// `plugins new`: what it writes builds, is listed, passes the check, trains and merges, with nothing from this repository.
    @Suite struct NewPlugins {
        private func make(_ language: String, _ name: String, in scratch: Scratch) throws {
            try Tool.run("cd '\(scratch.path)' && '\(Program.path)' plugins new --language \(language) \(name)")
        }

        @Test(.enabled(if: Tool.isThere("cc"), "there is no C compiler")) func c() throws { try itTrains("c") }
        @Test(.enabled(if: Tool.isThere("c++"), "there is no C++ compiler")) func cxx() throws { try itTrains("cpp") }
        @Test(.enabled(if: Tool.hasRust, "there is no rustc of 1.77 or later")) func rust() throws {
            try itTrains("rust")
        }
        @Test(.enabled(if: Tool.isThere("swiftc"), "there is no swiftc")) func swift() throws { try itTrains("swift") }

        private func itTrains(_ language: String) throws {
            let scratch = try Scratch()
            try make(language, "RowScale", in: scratch)
            let (folder, library) = (scratch / "RowScale", scratch / "RowScale/libRowScale.so")
            let header = try Data(contentsOf: URL(filePath: folder + "/peft_plugin.h"))
            let own = Fixtures.repository.appending(path: "Sources/PluginAPI/C/include/peft_plugin.h")
            #expect(try header == Data(contentsOf: own))
            try Tool.run("'\(folder)/build.sh'")

            let listed = try Program.output(["plugins", "info", library, "--json"]).output
            let info = try JSON.parse(listed.utf8, place: language)
            #expect(info["exports"] == ["peft_plugin_entry"])
            #expect(info["manifest"]?["id"] == "RowScale")
            #expect(info["manifest"]?["peft_type"] == "ROW_SCALE")
            #expect(info["manifest"]?["hyperparameters"]?.array?.count == 1)

            let check = try Program.run(["plugins", "check", library, "--level", "distribution", "--seed", "1"])
            #expect(check.code == 0, "\(check.output)")

            let (model, data) = (try Material.tiny(scratch), try Material.data(scratch))
            try Program.output(
                Material.train(
                    model: model, data: data, output: scratch / "out", plugin: library, "-o", "alpha=0.5", "--epochs",
                    "1"))
            let tensors = try AdapterFolder(scratch / "out").tensors()
            let scale = try #require(tensors["base_model.model.model.layers.0.self_attn.q_proj.scale"])
            #expect(scale.count == 64 && scale.contains { $0 != 0 })
            try Program.output(["evaluate", "--adapter", scratch / "out", "--data", data + "/test.tsv"])
        }

        /// The manifest that is written is the one that the code leads to.
        @Test(.enabled(if: Tool.isThere("cc"), "there is no C compiler")) func theManifestIsCurrent() throws {
            let scratch = try Scratch()
            try make("c", "Fresh", in: scratch)
            try Tool.run("'\(scratch / "Fresh")/build.sh'")
            let made = try Program.output(["plugins", "manifest", scratch / "Fresh/libFresh.so"]).output
            let written = try String(contentsOfFile: scratch / "Fresh/manifest.c", encoding: .utf8)
            #expect(made.split(separator: "\n") == written.split(separator: "\n"))
        }

        @Test func itKeepsWhatIsThere() throws {
            let scratch = try Scratch()
            try scratch.write("mine", "Mine/method.c")
            let command = "cd '\(scratch.path)' && '\(Program.path)' plugins new --language c Mine"
            let result = try Program.Running("/bin/sh", ["-c", command]).wait()
            #expect(result.code == 1)
            #expect(
                result.errorLines == ["Error: Mine: is there already; choose another name, or go to another folder"])
            #expect(try String(contentsOfFile: scratch / "Mine/method.c", encoding: .utf8) == "mine")
            #expect(try FileManager.default.contentsOfDirectory(atPath: scratch / "Mine") == ["method.c"])
        }

        @Test(arguments: ["", "../up", "a b", "1st", "_x", "näme", "a\"b", String(repeating: "a", count: 41)])
        func itWantsAName(name: String) throws {
            let result = try Program.run(["plugins", "new", "--language", "c", name])
            #expect(result.code == 2)
            #expect(result.error.contains("is no name for a method"))
        }
    }
}
