import Foundation
import PluginCheck
import TestSupport
import Testing

/// Libraries in which anything was changed, and the rules that read the file: each has an outcome, soon. (What is loaded runs
/// in a child, whatever becomes of it.)
@Suite struct HostileFileTests {
    @Test func libraries() throws {
        let original = [UInt8](try Data(contentsOf: URL(filePath: Builds.library("good/plain"))))
        let folder = FileManager.default.temporaryDirectory.appending(path: "peft-host-\(UUID().uuidString)")
        let mode: [FileAttributeKey: Any] = [.posixPermissions: 0o700]
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: false, attributes: mode)
        defer { try? FileManager.default.removeItem(at: folder) }
        let path = folder.appending(path: "changed.so").path
        let rules = Rule.all.filter { $0.group == "file" }
        #expect(rules.count >= 10)
        var outcomes: [Bool: Int] = [:]
        for seed in 0..<1000 {
            var random = Seeded(seed)
            let bytes = Data(MutatedLibrary(original, &random).bytes)
            try #require(FileManager.default.createFile(atPath: path, contents: bytes, attributes: mode))
            let subject = Subject(path: path, seed: 1, options: [])
            let time = ContinuousClock().measure {
                let isGood = rules.allSatisfy { (try? $0.run(subject)) == .passed }
                outcomes[isGood, default: 0] += 1
            }
            #expect(time < .seconds(10), "library \(seed) took \(time)")
        }
        #expect((outcomes[true] ?? 0) > 50 && (outcomes[false] ?? 0) > 50, "\(outcomes)")
    }
}
