import Foundation
import Testing

extension HostTests {
    /// `--resume`: the same bytes as without an interruption, or a refusal.
    @Suite struct Resume {
        private let scratch: Scratch
        private let model: String
        private let data: String

        init() throws {
            scratch = try Scratch()
            model = try Material.tiny(scratch)
            data = try Material.data(scratch)
        }

        private func arguments(_ output: String, epochs: Int = 3, plugin: String = "LoRA") -> [String] {
            Material.train(
                model: model, data: data, output: scratch / output, plugin: plugin, "--epochs", String(epochs),
                "--batch-size", "2", "--checkpoint-steps", "3", "-o", "lora_dropout=0.2")
        }

        @Test(arguments: ["LoRA", "AdaLoRA"]) func killedAnywhere(plugin: String) throws {
            let epochs = 8
            func arguments(_ output: String) -> [String] { self.arguments(output, epochs: epochs, plugin: plugin) }
            try Program.output(arguments("whole"))
            let seconds = try elapsed { try Program.output(arguments("timed")) }
            for round in 0..<3 {
                let output = "killed-\(round)"
                for _ in 0..<3 {
                    let running = try Program.Running(Program.path, arguments(output) + ["--resume"])
                    usleep(UInt32(Double.random(in: 0.05...0.9) * seconds * 1e6))
                    guard running.isRunning else { break }
                    running.kill(SIGKILL)
                    _ = try running.wait()
                }
                try Program.output(arguments(output) + ["--resume"])
                try expectSame(scratch / "whole", scratch / output)
            }
        }

        @Test(arguments: [
            ["BottleneckAdapter", "config=double_seq_bn", "dropout=0.1"],
            ["FullFineTuning"],
            ["IA3"],
            ["LlamaAdapter", "adapter_len=3", "adapter_layers=2"],
            ["LoRA", "use_dora=true", "init_lora_weights=pissa", "lora_dropout=0.1"],
            ["PrefixTuning", "num_virtual_tokens=3", "init_text=a film"],
            ["PrefixTuning", "num_virtual_tokens=3", "prefix_projection=true", "encoder_hidden_size=8"],
            ["PromptTuning", "num_virtual_tokens=3", "prompt_tuning_init=SAMPLE_VOCAB"],
            [
                "PTuning", "num_virtual_tokens=3", "encoder_reparameterization_type=LSTM", "encoder_hidden_size=4",
                "encoder_dropout=0.2",
            ],
        ])
        func killed(method: [String]) throws {
            func arguments(_ output: String) -> [String] {
                Material.train(
                    model: model, data: data, output: scratch / output, plugin: method[0], "--batch-size", "2",
                    "--checkpoint-steps", "2") + method.dropFirst().flatMap { ["-o", $0] }
            }
            let seconds = try elapsed { try Program.output(arguments("whole")) }
            for _ in 0..<3 {
                let running = try Program.Running(Program.path, arguments("killed") + ["--resume"])
                usleep(UInt32(Double.random(in: 0.3...0.8) * seconds * 1e6))
                guard running.isRunning else { break }
                running.kill(SIGKILL)
                _ = try running.wait()
            }
            try Program.output(arguments("killed") + ["--resume"])
            try expectSame(scratch / "whole", scratch / "killed")
        }

        private func elapsed(_ body: () throws -> Void) rethrows -> Double {
            let start = Date()
            try body()
            return -start.timeIntervalSinceNow
        }

        @Test func fromNothing() throws {
            try Program.output(arguments("a"))
            try Program.output(arguments("b") + ["--resume"])
            try FileManager.default.createDirectory(atPath: scratch / "c", withIntermediateDirectories: false)
            try Program.output(arguments("c") + ["--resume"])
            try expectSame(scratch / "a", scratch / "b")
            try expectSame(scratch / "a", scratch / "c")
        }

        @Test func finished() throws {
            try Program.output(arguments("a"))
            let before = try states(scratch / "a")
            let again = try Program.output(arguments("a") + ["--resume", "--json"])
            #expect(try states(scratch / "a") == before)
            #expect(try again.json().last?["test"]?["loss"]?.double != nil)
        }

        /// Bytes and times of change.
        private func states(_ folder: String) throws -> [String: [String]] {
            var states: [String: [String]] = [:]
            for name in try FileManager.default.subpathsOfDirectory(atPath: folder) {
                let attributes = try FileManager.default.attributesOfItem(atPath: "\(folder)/\(name)")
                let data = FileManager.default.contents(atPath: "\(folder)/\(name)") ?? Data()
                let changed = (attributes[.modificationDate] as? Date)?.timeIntervalSince1970 ?? 0
                states[name] = ["\(changed)", "\(attributes[.systemFileNumber] ?? "")", data.base64EncodedString()]
            }
            return states
        }

        @Test func otherwise() throws {
            try Program.output(arguments("a"))
            let before = try states(scratch / "a")
            for (more, word) in [
                (["--seed", "7"], "options.seed was 0 and is 7"), (["--learning-rate", "0.5"], "learning_rate"),
                (["-o", "r=2"], "settings.r was 8 and is 2"), (["--schedule", "cosine"], "lr_scheduler_type"),
                (["--weight-decay", "0.1"], "weight_decay"), (["--max-length", "20"], "max_length"),
                (["--gradient-accumulation-steps", "2"], "gradient_accumulation_steps"),
            ] {
                let result = try Program.run(arguments("a") + more + ["--resume"])
                #expect(result.code == 1, "\(more)")
                #expect(result.errorLines.last?.contains(word) == true, "\(result.error)")
            }
            let file = data + "/train.tsv"
            let text = try String(contentsOfFile: file, encoding: .utf8)
            try (text + "one more\tpositive\n").write(toFile: file, atomically: true, encoding: .utf8)
            let result = try Program.run(arguments("a") + ["--resume"])
            #expect(result.code == 1)
            #expect(result.error.contains("data was"), "\(result.error)")
            #expect(try states(scratch / "a") == before)
        }
    }
}
