import Foundation
import Testing

@Suite struct HeaderTests {
    @Test(arguments: ["c -std=c99", "c -std=c11", "c++ -std=c++17"])
    func theHeaderCompilesWithoutAWarning(language: String) throws {
        let header = package.appending(path: "Sources/PluginAPI/C/include/peft_plugin.h").path
        let flags = "-x \(language) -Wall -Wextra -pedantic -Werror -fsyntax-only".split(separator: " ").map(
            String.init)
        let result = try run("clang", flags + [header])
        #expect(result.code == 0, "\(result.output)")
    }

    @Test func theLayoutIsThatOfTheHeader() throws {
        let result = try run("python3", [package.appending(path: "scripts/peft_layout.py").path, "--check"])
        #expect(result.code == 0, "\(result.output)")
    }
}
