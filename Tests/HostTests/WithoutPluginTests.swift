import Foundation
import Testing

extension HostTests {
    /// Adapters where the library that made them is gone: the method's program beside them is all that is needed.
    @Suite struct WithoutPlugin {
        private let scratch: Scratch
        private let model: String
        private let data: String

        init() throws {
            scratch = try Scratch()
            model = try Material.tiny(scratch)
            data = try Material.data(scratch)
        }

        private func train(_ method: [String], _ output: String) -> [String] {
            Material.train(
                model: model, data: data, output: output, plugin: method[0], "--epochs", "1", "--learning-rate", "0.01")
                + method.dropFirst().flatMap { ["-o", $0] }
        }

        /// The program in a folder without a plugin, and with no other folder to find one.
        private func alone(_ arguments: [String]) throws -> Program.Result {
            let (folder, home) = (scratch / "alone", scratch / "alone/home")
            if !FileManager.default.fileExists(atPath: folder) {
                try FileManager.default.createDirectory(atPath: home, withIntermediateDirectories: true)
                try FileManager.default.copyItem(atPath: Program.path, toPath: folder + "/peft-host")
            }
            return try Program.Running(
                folder + "/peft-host", arguments, environment: ["HOME": home, "PEFT_HOST_PLUGIN_PATH": ""]
            ).wait()
        }

        @Test(arguments: [
            ["AdaLoRA", "init_r=4", "target_r=2"],
            ["BottleneckAdapter"],
            ["FullFineTuning"],
            ["IA3"],
            ["LlamaAdapter", "adapter_len=3", "adapter_layers=2"],
            ["LoRA", "use_dora=true", "init_lora_weights=pissa", "target_modules=q_proj,embed_tokens"],
            ["PrefixTuning", "num_virtual_tokens=3", "prefix_projection=true", "init_text=a film"],
            ["PromptTuning", "num_virtual_tokens=3", "prompt_tuning_init=SAMPLE_VOCAB"],
            ["PTuning", "num_virtual_tokens=3", "encoder_reparameterization_type=LSTM", "encoder_hidden_size=4"],
        ])
        func everyMethod(method: [String]) throws {
            let adapter = scratch / "adapter"
            try Program.output(train(method, adapter))
            for arguments in [
                ["predict", "--json", "--adapter", adapter, data + "/test.tsv"],
                ["evaluate", "--json", "--adapter", adapter, "--data", data + "/test.tsv"],
                ["logits", "--ids", "1,2,3", "--adapter", adapter],
            ] {
                let (with, without) = (try Program.output(arguments), try alone(arguments))
                #expect(without.code == 0 && without.output == with.output, "\(without.error)")
                #expect(!with.output.isEmpty)
            }
            // Training goes on with the plugin only, and says what works without it.
            let resumed = try alone(train(method, adapter) + ["--resume"])
            #expect(resumed.code == 1)
            #expect(resumed.errorLines.count == 1 && resumed.error.contains("\(method[0]): no such plugin in "))
            #expect(resumed.error.contains("to go on training, put it back"), "\(resumed.error)")
            #expect(resumed.error.contains("run it without the plugin"))
        }

        /// Programs of hosts that are newer than this one, and what is no program.
        @Test func otherPrograms() throws {
            let adapter = scratch / "adapter"
            try Program.output(train(["LoRA"], adapter))
            let file = URL(filePath: adapter + "/method.program")
            let program = try Data(contentsOf: file)
            func change(_ old: String, _ new: String) -> Data {
                Data([UInt8](program).replacing([UInt8](old.utf8), with: [UInt8](new.utf8)))
            }
            for (changed, part) in [
                (change("peft.ops/1", "peft.ops/2"), "is written for \"peft.ops/2\"; this version knows peft.ops/1"),
                (change("PEFTMTH1", "PEFTMTH2"), "it needs a newer peft-host"),
                (Data("something else".utf8), "this is not a coded method"),
                (program.prefix(program.count / 2), "coded program, byte "),
            ] {
                try changed.write(to: file)
                let result = try Program.run(["predict", "--adapter", adapter, data + "/test.tsv"])
                #expect(result.code == 1 && result.errorLines.count == 1)
                #expect(
                    result.error.hasPrefix("Error: \(file.path): the method's program cannot be used: "),
                    "\(result.error)")
                #expect(result.error.contains(part), "\(result.error)")
            }
        }
    }
}
