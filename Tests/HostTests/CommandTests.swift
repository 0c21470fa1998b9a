import Formats
import Foundation
import Testing

extension HostTests {
    /// The commands that look at plugins, tokens and the machine.
    @Suite struct Commands {
        @Test func pluginsAsJSON() throws {
            let list = try JSON.parse(Program.output(["plugins", "list", "--json"]).output.utf8, place: "list")
            let lora = try #require(list.array?.first { $0["manifest"]?["id"]?.string == "LoRA" })
            #expect(lora["problem"] == .null)
            let info = try JSON.parse(Program.output(["plugins", "info", "LoRA", "--json"]).output.utf8, place: "info")
            #expect(info["manifest"] == lora["manifest"])
            #expect(info["path"] == lora["path"])
            let names = info["manifest"]?["hyperparameters"]?.array?.compactMap { $0["name"]?.string } ?? []
            #expect(names.starts(with: ["r", "lora_alpha", "lora_dropout"]))
            #expect(try Program.output(["plugins", "info", "LoRA"]).output.contains("r = 8"))
        }

        @Test func doctor() throws {
            let report = try JSON.parse(Program.output(["doctor", "--json"]).output.utf8, place: "doctor")
            #expect((report["cores"]?.int ?? 0) > 0)
            #expect((report["memory_bytes"]?.int ?? 0) > (report["memory_available_bytes"]?.int ?? .max))
            #expect(report["plugins"]?.array?.contains("LoRA 1.0.0") == true)
            #expect(try !Program.output(["doctor"]).output.isEmpty)
            // Kernels that the user asks for are shown, and no problem.
            let chosen = try Program.run(["doctor"], environment: ["OPENBLAS_CORETYPE": "Prescott"])
            #expect(chosen.code == 0)
            #expect(chosen.output.contains("kernels for Prescott"))
        }

        /// Before and after the command; a name, a file's name, a path, a folder of plugins.
        @Test func whereThePluginStands() throws {
            let scratch = try Scratch()
            let (model, data) = (try Material.tiny(scratch), try Material.data(scratch, valid: nil, test: nil))
            let rest = ["--model", model, "--data", data, "--task", "seq-cls", "--epochs", "1"]
            let library = Program.folder.appending(path: "libLoRA.so").path
            let other = scratch / "plugins"
            try FileManager.default.createDirectory(
                atPath: other, withIntermediateDirectories: false, attributes: [.posixPermissions: 0o700])
            try FileManager.default.copyItem(atPath: library, toPath: other + "/libOther.so")
            let forms: [[String]] = [
                ["--plugin", "LoRA", "train"], ["--plugin", "libLoRA.so", "train"], ["--plugin", library, "train"],
                ["--plugin=LORA", "train"], ["train", "--plugin", "libLoRA.so"], ["train", "--plugin=" + library],
                ["--plugin-path", other, "--plugin", "Other", "train"],
                ["train", "--plugin-path", other, "--plugin", "libOther.so"],
            ]
            for (number, form) in forms.enumerated() {
                let output = scratch / "out-\(number)"
                try Program.output(form + rest + ["--output", output])
                if number > 0 { try expectSame(scratch / "out-0", output) }
            }
            let found = try Program.run(
                ["plugins", "info", "Other"], environment: ["PEFT_HOST_PLUGIN_PATH": "/nowhere:" + other])
            #expect(found.code == 0)
        }

        @Test func help() throws {
            for command in [
                "train", "plan", "predict", "evaluate", "generate", "chat", "merge", "export", "import", "combine",
                "registry", "tokenize",
                "logits", "replay", "plugins",
                "doctor",
            ] {
                let help = try Program.output([command, "--help"])
                // The registry is a program of its own.
                let usage = command == "registry" ? "USAGE: peft-registry" : "USAGE: peft-host \(command)"
                #expect(help.output.contains(usage), "\(command)")
            }
            #expect(try Program.output(["--version"]).output.hasPrefix("peft-host "))
        }

        /// Lines are split on LF alone, and a text may hold anything that JSON can.
        @Test func tokenizing() throws {
            let scratch = try Scratch()
            let model = try Material.tiny(scratch)
            let plain = try Program.output(["tokenize", "--model", model], input: "a b\r\n\nlast").json()
            #expect(plain.count == 3)
            let quoted = try Program.output(
                ["tokenize", "--model", model, "--json-lines"], input: "\"a b\\r\"\n\"\"\n\"last\"\n"
            ).json()
            #expect(plain == quoted)
            let back = try Program.output(
                ["tokenize", "--model", model, "--decode", "--json-lines"],
                input: plain.map { $0.text() + "\n" }.joined())
            #expect(try back.json() == ["a b\r", "", "last"])
            let start = try Program.output(["tokenize", "--model", model, "--no-special"], input: "<|endoftext|>a\n")
                .json()
            #expect(start.first?.array?.first == 0)
        }

        /// `logits --ids` and `replay` need no tokenizer.
        @Test func withoutATokenizer() throws {
            let scratch = try Scratch()
            let model = try Material.tiny(scratch)
            try FileManager.default.removeItem(atPath: model + "/tokenizer.json")
            let one = try #require(
                try Program.output(["logits", "--model", model, "--ids", "7", "--top", "3"]).json().first)
            #expect(one["mean_nll"] == .null)
            #expect(one["top_ids"]?.array?.count == 3)
            let run: JSON = [
                "task": "SEQ_CLS", "num_labels": 2,
                "optimizer": ["name": "AdamW", "lr": 0.01, "weight_decay": 0.0, "betas": [0.9, 0.999], "eps": 1e-8],
                "batches": [
                    ["input_ids": [[1, 2, 3], [4]], "labels": [0, 1]], ["input_ids": [[5, 6]], "labels": [1]],
                ],
                "probe": ["input_ids": [9, 8]],
            ]
            try scratch.write(run.text(), "case/run.json")
            let lines = try Program.output([
                "replay", scratch / "case", "--model", model, "--plugin", "LoRA", "-o", "r=2",
            ]).json()
            try #require(lines.count == 3)
            #expect(lines[2]["probe"]?["top_ids"]?.array?.count == 2)
            #expect(lines[2]["trainable"]?.int == 2 * 2 * (2 * 64 + 64 * 2) + 2 * 64)
        }
    }
}
