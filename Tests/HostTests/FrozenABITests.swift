import Foundation
import Testing

extension HostTests {
    /// Plugins as they were built when their ABI was released, and adapters that were trained with them then: see
    /// docs/ABI.md. `make check-abi` does more.
    @Suite struct FrozenABI {
        private static let folder = Fixtures.root.deletingLastPathComponent().appending(path: "ABI")

        /// Folders of released ABIs whose libraries this machine can load.
        private static let released: [String] = {
            var system = utsname()
            uname(&system)
            let machine = withUnsafeBytes(of: system.machine) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
            let names = (try? FileManager.default.contentsOfDirectory(atPath: folder.path)) ?? []
            return names.filter { name in
                let built = try? String(contentsOf: folder.appending(path: "\(name)/built.txt"), encoding: .utf8)
                return built?.hasPrefix("Built once, on \(machine),") == true
            }.sorted()
        }()

        @Test(arguments: released) func loadsAndTrains(version: String) throws {
            let arguments = ["runs.py", "compare", Program.path, version].enumerated().map { number, name in
                number % 3 == 0 ? Self.folder.appending(path: name).path : name
            }
            let result = try Program.Running("/usr/bin/env", ["python3"] + arguments).wait()
            #expect(result.code == 0, "\(result.error)")
        }
    }
}
