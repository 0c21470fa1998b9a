import Formats
import Foundation
import Testing

extension HostTests {
    /// What models, plugins and adapters on the disk show: code 1.
    @Suite struct FileErrors {
        private let scratch: Scratch
        private let model: String
        private let data: String

        init() throws {
            scratch = try Scratch()
            model = try Material.tiny(scratch)
            data = try Material.data(scratch)
        }

        private func expectModelError(_ path: String, _ words: String...) throws {
            let result = try Program.run(
                Material.train(model: path, data: data, output: scratch / "out", "--epochs", "1"))
            try expectFailure(result, code: 1, words)
        }

        /// A copy of the tiny model with one file changed.
        private func changed(_ file: String, _ change: (inout [UInt8]) -> Void) throws -> String {
            let copy = try Material.tiny(scratch, "changed")
            var bytes = [UInt8](try Data(contentsOf: URL(filePath: "\(copy)/\(file)")))
            change(&bytes)
            try scratch.write(bytes, "changed/\(file)")
            return copy
        }

        private func replaced(_ file: String, _ old: String, _ new: String) throws -> String {
            try changed(file) { bytes in
                let text = String(decoding: bytes, as: UTF8.self)
                #expect(text.contains(old))
                bytes = Array(text.replacingOccurrences(of: old, with: new).utf8)
            }
        }

        @Test func missingModels() throws {
            try expectModelError(scratch / "none.gguf", "none.gguf", "no such model")
            for file in ["config.json", "tokenizer.json", "model.safetensors"] {
                let copy = try Material.tiny(scratch, "without")
                try FileManager.default.removeItem(atPath: "\(copy)/\(file)")
                try expectModelError(copy, "without", file)
            }
            try expectFailure(["tokenize", "--model", scratch / "none"], code: 1, "none")
        }

        @Test func brokenSafetensors() throws {
            try expectModelError(try changed("model.safetensors") { $0.removeLast(1000) }, "model.safetensors")
            try expectModelError(
                try changed("model.safetensors") { $0 = Array($0.prefix(1000)) }, "model.safetensors", "header")
            try expectModelError(try changed("model.safetensors") { $0 = [] }, "model.safetensors", "empty")
            try expectModelError(try changed("model.safetensors") { $0[7] = 0x7F }, "model.safetensors", "header")
            // One tensor laid over another.
            let header = try replacedHeader { entries in
                guard case .object(var members) = entries else { return }
                let places = members.indices.filter { members[$0].value["data_offsets"] != nil }
                let twins = places.filter { members[$0].value["shape"] == members[places[1]].value["shape"] }
                members[twins[1]].value = members[twins[0]].value
                entries = .object(members)
            }
            try expectModelError(header, "model.safetensors")
        }

        private func replacedHeader(_ change: (inout JSON) -> Void) throws -> String {
            var failure: (any Error)?
            let copy = try changed("model.safetensors") { bytes in
                let count = (0..<8).reduce(0) { $0 | Int(bytes[$1]) << (8 * $1) }
                do {
                    var json = try JSON.parse(bytes[8..<(8 + count)], place: "header")
                    change(&json)
                    let text = Array(json.text().utf8)
                    bytes =
                        (0..<8).map { UInt8(truncatingIfNeeded: text.count >> (8 * $0)) } + text + bytes[(8 + count)...]
                } catch { failure = error }
            }
            if let failure { throw failure }
            return copy
        }

        @Test func brokenGGUF() throws {
            let whole = [UInt8](try Data(contentsOf: URL(filePath: Fixtures.path("tiny/a-llama/model-f32.gguf"))))
            func file(_ change: (inout [UInt8]) -> Void) throws -> String {
                var bytes = whole
                change(&bytes)
                return try scratch.write(bytes, "model.gguf")
            }
            try expectModelError(try file { $0[0] = 0x58 }, "model.gguf", "GGUF")
            try expectModelError(try file { $0[4] = 99 }, "model.gguf", "99")
            try expectModelError(try file { $0.removeLast(2000) }, "model.gguf", "ends at byte")
            try expectModelError(try file { $0 = Array($0.prefix(100)) }, "model.gguf")
            // Counts of tensors and of values that no file can hold.
            try expectModelError(try file { for place in 8..<16 { $0[place] = 0x7F } }, "model.gguf")
            try expectModelError(try file { for place in 16..<24 { $0[place] = 0x7F } }, "model.gguf")
            try expectFailure(["logits", "--model", scratch / "model.gguf", "--ids", "1"], code: 1, "model.gguf")
        }

        @Test func unsupportedModels() throws {
            try expectModelError(try replaced("config.json", "\"llama\"", "\"bert\""), "config.json", "bert")
            try expectModelError(
                try replaced(
                    "config.json", "\"rope_theta\"",
                    "\"rope_scaling\": {\"rope_type\": \"yarn\", \"factor\": 2}, \"rope_theta\""),
                "config.json", "yarn")
            try expectModelError(try replaced("config.json", "\"hidden_size\": 64", "\"hidden_size\": 80"), "shape")
            try expectModelError(
                try replaced("config.json", "\"hidden_act\": \"silu\"", "\"hidden_act\": \"gelu\""), "gelu")
            try expectModelError(try replaced("config.json", "{", "["), "config.json")
            try expectModelError(try replaced("tokenizer.json", "\"BPE\"", "\"Foo\""), "tokenizer.json", "Foo")
        }

        @Test func plugins() throws {
            func train(_ plugin: String) -> [String] {
                Material.train(model: model, data: data, output: scratch / "out", plugin: plugin)
            }
            try expectFailure(train("LoRB"), code: 1, "LoRB", Program.folder.lastPathComponent, "did you mean LoRA?")
            try expectFailure(train(scratch / "none.so"), code: 1, "none.so")
            try expectFailure(train(try scratch.write("#!/bin/sh\n", "text.so")), code: 1, "text.so", "not a plugin")
            try expectFailure(["plugins", "info", "LoRB"], code: 1, "LoRB")
            // The ABI that its manifest names.
            let library = Program.folder.appending(path: "libLoRA.so")
            var bytes = [UInt8](try Data(contentsOf: library))
            let (old, new) = (Array("\"abi\": [  1,  1 ]".utf8), Array("\"abi\": [  9,  9 ]".utf8))
            let place = try #require(bytes.indices.first { bytes[$0...].starts(with: old) })
            bytes.replaceSubrange(place..<(place + old.count), with: new)
            try expectFailure(train(try scratch.write(bytes, "future.so")), code: 1, "future.so", "ABI 9", "ABI 1")
        }

        @Test func adapters() throws {
            try Program.output(Material.train(model: model, data: data, output: scratch / "good", "--epochs", "1"))
            func expectAdapterError(_ file: String, _ change: (inout [UInt8]) -> Void, _ words: String...) throws {
                try? FileManager.default.removeItem(atPath: scratch / "bad")
                try FileManager.default.copyItem(atPath: scratch / "good", toPath: scratch / "bad")
                var bytes = [UInt8](try Data(contentsOf: URL(filePath: scratch / "bad/\(file)")))
                change(&bytes)
                try scratch.write(bytes, "bad/\(file)")
                let result = try Program.run(["evaluate", "--adapter", scratch / "bad", "--data", data + "/test.tsv"])
                try expectFailure(result, code: 1, words)
            }
            try expectAdapterError(
                "adapter_model.safetensors", { $0 = Array($0.prefix(500)) }, "adapter_model.safetensors")
            try expectAdapterError(
                "adapter_model.safetensors",
                { bytes in
                    for place in (bytes.count - 4)..<bytes.count { bytes[place] = 0xFF }
                }, "not finite")
            try expectAdapterError("method.program", { $0 = Array($0.prefix(300)) }, "method.program")
            try expectAdapterError("peft_host.json", { $0 = Array("{}".utf8) }, "peft_host.json", "format")
            try expectAdapterError("adapter_config.json", { $0 = Array("{".utf8) }, "adapter_config.json")
            // A hyperparameter that a file gives is the file's fault.
            try? FileManager.default.removeItem(atPath: scratch / "foreign")
            try FileManager.default.copyItem(atPath: scratch / "good", toPath: scratch / "foreign")
            try FileManager.default.removeItem(atPath: scratch / "foreign/peft_host.json")
            let config = try String(contentsOfFile: scratch / "good/adapter_config.json", encoding: .utf8)
            try scratch.write(config.replacing("\"r\": 8", with: "\"r\": 0"), "foreign/adapter_config.json")
            try expectFailure(
                ["evaluate", "--adapter", scratch / "foreign", "--model", model, "--data", data + "/test.tsv"], code: 1,
                "adapter_config.json", "r: 0")
            let other = try Material.tiny(scratch, "other", fixture: "b-tied-gqa")
            try expectFailure(
                ["evaluate", "--adapter", scratch / "good", "--model", other, "--data", data + "/test.tsv"], code: 1,
                "other",
                "fingerprint")
            try expectFailure(["predict", "--adapter", scratch / "none"], code: 1, "none", "adapter_config.json")
            try expectFailure(["predict", "--adapter", scratch / "good", scratch / "none.txt"], code: 1, "none.txt")
            try expectFailure(
                ["logits", "--adapter", scratch / "good", "--ids", "1", "--task", "causal-lm"], code: 1, "SEQ_CLS")
        }

        @Test func identifiers() throws {
            try expectFailure(["logits", "--model", model, "--ids", "1,384"], code: 1, "384", "vocabulary")
            try expectFailure(["logits", "--model", model, "--ids=-1"], code: 1, "vocabulary")
            let decode = ["tokenize", "--model", model, "--decode"]
            for line in ["[1, 9999]", "[-1]", "[\"a\"]", "7", "[1"] {
                try expectFailure(decode, code: 1, "standard input:2", input: "[1]\n\(line)\n")
            }
            try expectFailure(
                ["tokenize", "--model", model, "--json-lines"], code: 1, "standard input:1", input: "word\n")
            let result = try Program.run(["tokenize", "--model", model], bytes: [0x61, 0x0A, 0xFF, 0x0A])
            try expectFailure(result, code: 1, ["standard input:2", "UTF-8"])
        }

        @Test func cases() throws {
            func replay(_ folder: String) -> [String] { ["replay", folder, "--model", model, "--plugin", "LoRA"] }
            try expectFailure(replay(scratch / "none"), code: 1, "run.json")
            let golden = try String(contentsOfFile: Fixtures.path("goldens/lora-cls/run.json"), encoding: .utf8)
            try scratch.write(golden, "case/run.json")
            try expectFailure(replay(scratch / "case"), code: 1, "run.json", "vocabulary of 384")
            try scratch.write(golden.replacing("SEQ_CLS", with: "TOKEN_CLS"), "case/run.json")
            try expectFailure(replay(scratch / "case"), code: 1, "run.json", "task")
            try scratch.write(String(golden.prefix(5000)), "case/run.json")
            try expectFailure(replay(scratch / "case"), code: 1, "run.json")
        }
    }
}
