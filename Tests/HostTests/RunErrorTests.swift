import Formats
import Foundation
import Testing

extension HostTests {
    /// What goes wrong with the output or in the middle of a run: code 1, and what was good stays.
    @Suite struct RunErrors {
        private let scratch: Scratch
        private let model: String
        private let data: String

        init() throws {
            scratch = try Scratch()
            model = try Material.tiny(scratch)
            data = try Material.data(scratch)
        }

        private func train(_ output: String, _ more: String...) -> [String] {
            Material.train(model: model, data: data, output: output) + more
        }

        @Test func occupied() throws {
            let output = scratch / "out"
            try Program.output(train(output, "--epochs", "1"))
            let before = try AdapterFolder(output).content()
            try expectFailure(train(output), code: 1, output, "--overwrite")
            #expect(try AdapterFolder(output).content() == before)
            try scratch.write("mine", "out/notes.txt")
            try Program.output(train(output, "--epochs", "2", "--overwrite"))
            #expect(try AdapterFolder(output).metrics().count == 2)
            #expect(try String(contentsOfFile: output + "/notes.txt", encoding: .utf8) == "mine")
        }

        @Test func notWritable() throws {
            for output in [data + "/train.tsv", data + "/train.tsv/inside", "/proc/adapter"] {
                try expectFailure(train(output), code: 1, output)
            }
            try expectFailure(
                ["logits", "--model", model, "--ids", "1", "--hidden", "/proc/none/x"], code: 1, "/proc/none/x")
            guard geteuid() != 0 else { return }
            try FileManager.default.createDirectory(
                atPath: scratch / "closed", withIntermediateDirectories: false, attributes: [.posixPermissions: 0o500])
            try expectFailure(train(scratch / "closed"), code: 1, "closed")
        }

        @Test func memoryLimit() throws {
            try expectFailure(
                train(scratch / "out", "--memory-limit", "5M"), code: 1, "--memory-limit", "5 MB", "--batch-size")
            try expectFailure(
                train(scratch / "out", "--batch-size", "100000000", "--memory-limit", "1K"), code: 1, "--memory-limit")
        }

        /// A shell limits the size of files, as a full disk would.
        @Test func fullDisk() throws {
            let output = scratch / "out"
            try Program.output(train(output, "--epochs", "1", "-o", "r=1"))
            let before = try AdapterFolder(output).content()
            try expectFailure(
                try limited(to: 2, train(scratch / "other")), code: 1, ["other", "safetensors", "write"])
            #expect(!FileManager.default.fileExists(atPath: scratch / "other/adapter_model.safetensors"))
            try expectNoTemporaries(scratch / "other")
            #expect(try AdapterFolder(output).content() == before)
            for arguments in [
                ["plugins", "list"], ["logits", "--model", model, "--ids", "1"], train(scratch / "third"),
            ] {
                let words = arguments.map { "'\($0)'" }.joined(separator: " ")
                let result = try Program.Running("/bin/sh", ["-c", "exec \(Program.path) \(words) >/dev/full"]).wait()
                try expectFailure(result, code: 1, ["standard output"])
            }
        }

        /// Runs where no file can grow beyond so many blocks of 512 bytes.
        private func limited(to blocks: Int, _ arguments: [String]) throws -> Program.Result {
            let words = arguments.map { "'\($0)'" }.joined(separator: " ")
            return try Program.Running("/bin/sh", ["-c", "ulimit -f \(blocks); exec \(Program.path) \(words)"]).wait()
        }

        /// Rows whose activations find no room any more are computed again, to the same bits.
        @Test func noRoomForActivations() throws {
            let rows = try Material.data(scratch, "rows", train: 120)
            func train(_ output: String) -> [String] {
                Material.train(
                    model: model, data: rows, output: output, plugin: "LlamaAdapter", "--epochs", "3", "-o",
                    "adapter_layers=1", "-o", "adapter_len=4")
            }
            try Program.output(train(scratch / "room"))
            let result = try limited(to: 200, train(scratch / "none"))
            #expect(result.code == 0, "\(result.error)")
            #expect(try AdapterFolder(scratch / "none").tensors() == AdapterFolder(scratch / "room").tensors())
        }

        private func expectNoTemporaries(_ folder: String) throws {
            let left = try FileManager.default.subpathsOfDirectory(atPath: folder).filter { $0.hasSuffix(".tmp") }
            #expect(left.isEmpty)
        }

        @Test func lossNotFinite() throws {
            let output = scratch / "out"
            let result = try Program.run(train(output, "--learning-rate", "1e30"))
            try expectFailure(result, code: 1, ["step 2", "not finite", "--learning-rate"])
            #expect(!FileManager.default.fileExists(atPath: output + "/adapter_config.json"))

            // The first step has rate 0, the second destroys the tensors, which the third one notices.
            let warm = Material.train(
                model: model, data: data, output: scratch / "warm", "--learning-rate", "1e30", "--warmup-steps", "2",
                "--checkpoint-steps", "1", "--batch-size", "4")
            try expectFailure(warm, code: 1, "step 3", "not finite")
            let checkpoints = try FileManager.default.contentsOfDirectory(atPath: scratch / "warm/checkpoints").sorted()
            #expect(checkpoints == ["latest.json", "step-1.safetensors"])
            let kept = try AdapterFolder.tensors(scratch / "warm/checkpoints/step-1.safetensors")
            #expect(kept["values"]?.allSatisfy { abs($0) < 10 } == true)
            try expectFailure(warm + ["--resume"], code: 1, "step 3", "not finite")

            // One step an epoch: the first epoch is good, and what it left stays.
            let late = scratch / "late"
            let arguments = train(late, "--learning-rate", "1e60", "--warmup-steps", "2", "--batch-size", "24")
            try expectFailure(arguments, code: 1, "after step 2", "not finite")
            #expect(try AdapterFolder(late).metrics().count == 1)
            #expect(try AdapterFolder(late).tensors() == AdapterFolder(late + "/last").tensors())
            try Program.output(["evaluate", "--adapter", late, "--data", data + "/test.tsv"])
        }
    }
}
