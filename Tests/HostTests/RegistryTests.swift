import Formats
import Foundation
import Synchronization
import Testing

extension HostTests {
    /// `peft-registry`, and what of `peft-host` asks it.
    @Suite struct Registry {
        private let scratch: Scratch
        private let first = Fixtures.path("combine/first"), second = Fixtures.path("combine/second")
        private let environment: [String: String]

        init() throws {
            scratch = try Scratch()
            environment = ["PEFT_HOST_REGISTRY": scratch / "registry.sqlite", "PEFT_HOST_CACHE": scratch / "cache"]
        }

        private func run(_ arguments: [String]) throws -> Program.Result {
            let program = Program.folder.appending(path: "peft-registry").path
            return try Program.Running(program, arguments, environment: environment).wait()
        }

        @discardableResult
        private func registry(_ arguments: String...) throws -> Program.Result {
            let result = try run(arguments)
            try #require(result.code == 0, "\(arguments): \(result.error)")
            return result
        }

        private func expectFailure(_ arguments: String..., code: Int32 = 1, saying parts: [String]) throws {
            let result = try run(arguments)
            #expect(result.code == code, "\(arguments)")
            for part in parts { #expect(result.error.contains(part), "\(result.error)") }
        }

        @Test func versionsAndTags() throws {
            #expect(try registry("add", first, "--name", "movies", "--tag", "candidate").output == "movies@1\n")
            #expect(try registry("add", second, "--name", "movies", "--parent", "movies@1").output == "movies@2\n")
            #expect(try registry("add", first, "--name", "tweets", "--note", "all of May").output == "tweets@1\n")
            try registry("promote", "movies@candidate")
            try registry("promote", "movies")
            #expect(try registry("rollback", "movies").output == "movies@production: movies@1\n")
            try expectFailure("rollback", "movies", saying: ["movies@production", "nowhere else"])
            let all = try registry("list", "--json").json()
            #expect(all.map { $0["tags"] } == [["candidate", "production"], [], []])
            #expect(all[1]["parent"] == "movies@1")
            #expect(try registry("lineage", "movies@2", "--json").json().map { $0["version"] } == [2, 1])
            let differences = try registry("compare", "movies@1", "movies@2", "--json").json()[0]
            #expect(differences["configuration.r"] == [4, 3])
            #expect(differences["configuration.lora_alpha"] == [8, 5])
            #expect(differences["configuration.peft_type"] == nil)
            #expect(try registry("search", "MAY", "lora", "--json").json().map { $0["name"] } == ["tweets"])

            try expectFailure("remove", "movies@1", saying: ["candidate"])
            try registry("remove", "movies@2")
            // A number is given once.
            #expect(try registry("add", second, "--name", "movies").output == "movies@3\n")
            try registry("untag", "movies@candidate")
            #expect(try registry("collect", "--keep", "0").output.hasPrefix("2 versions, 2 files"))
            #expect(try registry("list", "--json").json().map { $0["version"] } == [1])
            try registry("verify")
        }

        /// What is in the registry is the folder's, whatever becomes of that.
        @Test func filesComeBack() throws {
            try FileManager.default.copyItem(atPath: first, toPath: scratch / "adapter")
            try registry("add", scratch / "adapter", "--name", "movies", "--tag", "good")
            try FileManager.default.removeItem(atPath: scratch / "adapter")
            let path = try registry("path", "movies@good").lines[0]
            try expectSame(path, first)
            // A copy that somebody wrote to is made again.
            try Data("x".utf8).write(to: URL(filePath: path + "/adapter_model.safetensors"))
            #expect(try registry("path", "movies").lines[0] == path)
            try expectSame(path, first)
            try registry("export", "movies", "--output", scratch / "out")
            try expectSame(scratch / "out", first)
            try expectFailure("export", "movies", "--output", scratch / "out", saying: ["out", "already"])
        }

        @Test func figuresAreSearched() throws {
            try FileManager.default.copyItem(atPath: first, toPath: scratch / "adapter")
            try scratch.write(
                "{\"epoch\": 1, \"accuracy\": 0.5}\n{\"epoch\": 2, \"accuracy\": 0.75}\n", "adapter/metrics.jsonl")
            try scratch.write("{\"test_accuracy\": 0.875}", "adapter/test_results.json")
            try registry("add", scratch / "adapter", "--name", "movies")
            for (term, isFound) in [
                ("accuracy>0.7", true), ("accuracy>=0.75", true), ("accuracy<0.75", false),
                ("test_accuracy=0.875", true),
                ("test_accuracy>0.9", false), ("loss<9", false),
            ] {
                #expect(try registry("search", term, "--json").lines.isEmpty == !isFound, "\(term)")
            }
            #expect(try registry("list").output.contains("test_accuracy 0.875"))
        }

        @Test func damageIsFound() throws {
            try registry("add", first, "--name", "movies")
            try registry("promote", "movies")
            try registry("verify")
            func sqlite(_ statement: String) throws {
                let script = "import sqlite3, sys; c = sqlite3.connect(sys.argv[1]); c.execute(sys.argv[2]); c.commit()"
                let result = try Program.Running(
                    "/usr/bin/env", ["python3", "-c", script, scratch / "registry.sqlite", statement]
                ).wait()
                try #require(result.code == 0, "\(result.error)")
            }
            try sqlite("UPDATE event SET user = 'somebody' WHERE id = 1")
            try expectFailure("verify", saying: ["audit log", "entry 1"])
            try sqlite("UPDATE piece SET bytes = x'00' WHERE length(bytes) > 2000")
            try expectFailure("verify", saying: ["movies@1 adapter_model.safetensors"])
            try expectFailure("path", "movies", saying: ["movies@1", "damaged"])
            #expect(try registry("audit").json().map { $0["action"] } == ["add", "promote"])
        }

        @Test func mistakes() throws {
            try expectFailure("show", "movies@4", saying: ["movies@4", "list"])
            try expectFailure("add", scratch.path, "--name", "x", saying: [scratch.path, "adapter_config.json"])
            try expectFailure("add", first, "--name", "a/b", code: 2, saying: ["a/b"])
            try expectFailure("add", first, "--name", "a", "--tag", "3", code: 2, saying: ["3"])
            try expectFailure("show", "a@b@c", code: 2, saying: ["a@b@c"])
            try scratch.write("text", "registry.sqlite")
            try expectFailure("list", saying: ["registry.sqlite", "not a database"])
            try FileManager.default.copyItem(atPath: first, toPath: scratch / "cut")
            let file = scratch / "cut/adapter_model.safetensors"
            try Data(contentsOf: URL(filePath: file)).dropLast(10).write(to: URL(filePath: file))
            try expectFailure("add", scratch / "cut", "--name", "cut", saying: ["adapter_model.safetensors"])
        }

        /// Eight write at once, and some are killed in the middle: what was said to be there is there, and nothing is half there.
        @Test func killedWriters() throws {
            let program = Program.folder.appending(path: "peft-registry").path
            let said = Mutex<[String]>([]), killed = Atomic(0)
            let (first, second, environment) = (first, second, environment)
            DispatchQueue.concurrentPerform(iterations: 8) { worker in
                var random = SystemRandomNumberGenerator()
                for number in 0..<200 {
                    let folder = number.isMultiple(of: 2) ? first : second
                    guard
                        let writer = try? Program.Running(
                            program, ["add", folder, "--name", "adapter-\(worker % 3)"], environment: environment)
                    else { continue }
                    if Int.random(in: 0..<10, using: &random) == 0 {
                        usleep(UInt32.random(in: 0..<40_000, using: &random))
                        writer.kill(SIGKILL)
                    }
                    guard let result = try? writer.wait() else { continue }
                    if result.code == 0 { said.withLock { $0.append(String(result.output.dropLast())) } }
                    if result.code == 128 + SIGKILL { killed.add(1, ordering: .relaxed) }
                }
            }
            let (names, dead) = (said.withLock { $0 }, killed.load(ordering: .relaxed))
            #expect(dead > 20 && names.count + dead == 1600)
            #expect(Set(names).count == names.count)
            try registry("verify")
            let there = try registry("list", "--json").json()
            let all = Set(there.map { "\($0["name"]?.string ?? "")@\($0["version"]?.int ?? 0)" })
            #expect(all.isSuperset(of: names))
            // A killed writer may have come as far as the disk, and no further.
            #expect(all.count - names.count <= dead)
            for item in there { #expect(item["files"]?.members?.count == 2) }
            #expect(try registry("audit").lines.count == all.count)
        }

        /// `train --register`, `--adapter NAME@TAG`, and `peft-host registry`.
        @Test func trainedAndUsed() throws {
            let (model, data) = (try Material.tiny(scratch), try Material.data(scratch))
            func host(_ arguments: [String], input: String = "") throws -> Program.Result {
                try Program.run(arguments, input: input, environment: environment)
            }
            let train = Material.train(
                model: model, data: data, output: scratch / "out", "--epochs", "1", "--register", "reviews")
            let trained = try host(train)
            try #require(trained.code == 0, "\(trained.error)")
            #expect(trained.error.contains("registered as reviews@1"))
            let entry = try host(["registry", "show", "reviews"]).output
            let json = try JSON.parse(Array(entry.utf8), place: "show")
            let hash = try AdapterFolder(scratch / "out").sidecar()["data_sha256"]
            #expect(hash?.string?.count == 64)
            #expect(json["data_sha256"] == hash)
            #expect(json["metrics"]?["test_accuracy"]?.double != nil)
            #expect(json["base"]?["fingerprint"]?.string?.isEmpty == false)
            #expect(try host(["registry", "promote", "reviews"]).code == 0)
            let own = try host(["predict", "--json", "--adapter", scratch / "out"], input: "a warm film\n").output
            try FileManager.default.removeItem(atPath: scratch / "out")
            let kept = try host(
                ["predict", "--json", "--adapter", "reviews@production"], input: "a warm film\n")
            #expect(kept.output == own && !own.isEmpty)
            let missing = try host(["predict", "--adapter", "reviews@none"], input: "x\n")
            #expect(missing.code == 1 && missing.error.contains("reviews@none"))
            #expect(try host(train.dropLast() + ["a b"]).code == 2)
        }
    }
}
