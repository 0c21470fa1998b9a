import Formats
import Testing

extension HostTests {
    /// `plugins check`, as its user sees it. What its rules find is tested with them.
    @Suite struct CheckCommand {
        @Test func aGoodPlugin() throws {
            let result = try Program.output(["plugins", "check", "IA3", "--rule", "loads", "--rule", "one-export"])
            #expect(result.lines.count == 5 && result.lines[2].hasPrefix("ok      loads"))
            #expect(result.lines.last == "3 ok, 0 failed, 0 skipped")
        }

        /// What the build made shares the host's Swift runtime.
        @Test func aFailure() throws {
            let result = try Program.run([
                "plugins", "check", "IA3", "--level", "distribution", "--rule", "no-swift-runtime", "--json", "--seed",
                "7",
            ])
            #expect(result.code == 1)
            let report = try JSON.parse(result.output.utf8, place: "report")
            #expect(report["passed"] == false && report["seed"] == 7)
            #expect(report["rules"]?.array?.last?["rule"] == "no-swift-runtime")
            #expect(report["rules"]?.array?.last?["outcome"] == "failed")
        }

        @Test func nothingToCheck() throws {
            let unknown = try Program.run(["plugins", "check", "IA3", "--rule", "nonsense"])
            #expect(unknown.code == 1 && unknown.error.contains("there is no rule nonsense"))
            let missing = try Program.run(["plugins", "check", "/none/such.so"])
            #expect(missing.code == 1 && missing.error.contains("No such file"))
            let text = try Program.run(["plugins", "check", "/etc/passwd", "--rule", "loads"])
            #expect(text.code == 1 && text.output.contains("FAILED  readable"))
        }
    }
}
