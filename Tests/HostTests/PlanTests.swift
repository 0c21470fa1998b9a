import Formats
import Foundation
import Testing

/// A row of Fixtures/configs/counts.json as options of `peft-host plan`.
private struct CountedCase: Sendable, CustomTestStringConvertible {
    let name: String
    let plugin: String
    /// `-o`, without the `-o`; of the model where its layers count.
    let options: @Sendable (_ layers: Int) -> [String]

    init(_ name: String, _ plugin: String, _ options: String...) {
        self.init(name, plugin) { _ in options }
    }

    init(_ name: String, _ plugin: String, options: @escaping @Sendable (Int) -> [String]) {
        (self.name, self.plugin, self.options) = (name, plugin, options)
    }

    var testDescription: String { name }

    /// What peft counts beside the parameters: AdaLoRA's two rank counters a layer (one for each of q and v).
    func counters(layers: Int) -> Int { plugin == "AdaLoRA" ? 2 * layers : 0 }

    /// Every row of a method that is a plugin of ours. (peft's `lora_r8_bias_all` is an error here: these bases have no
    /// bias.)
    static let all = [
        CountedCase("lora_r1", "LoRA", "r=1"), CountedCase("lora_r8", "LoRA"), CountedCase("lora_r16", "LoRA", "r=16"),
        CountedCase("lora_r32", "LoRA", "r=32"), CountedCase("lora_r8_all_linear", "LoRA", "target_modules=all-linear"),
        CountedCase("lora_r16_all_linear", "LoRA", "r=16", "target_modules=all-linear"),
        CountedCase("dora_r8", "LoRA", "use_dora=true"), CountedCase("dora_r32", "LoRA", "r=32", "use_dora=true"),
        CountedCase("dora_r16_all_linear", "LoRA", "r=16", "use_dora=true", "target_modules=all-linear"),
        CountedCase("adalora_init_r12", "AdaLoRA", "init_r=12"),
        CountedCase("adalora_init_r64", "AdaLoRA", "init_r=64"),
        CountedCase("prompt_tuning_20", "PromptTuning", "num_virtual_tokens=20"),
        CountedCase("prompt_tuning_200", "PromptTuning", "num_virtual_tokens=200"),
        CountedCase("p_tuning_20_mlp", "PTuning", "num_virtual_tokens=20"),
        CountedCase("p_tuning_20_mlp_h128", "PTuning", "num_virtual_tokens=20", "encoder_hidden_size=128"),
        CountedCase("p_tuning_20_lstm", "PTuning", "num_virtual_tokens=20", "encoder_reparameterization_type=LSTM"),
        CountedCase("prefix_tuning_20", "PrefixTuning", "num_virtual_tokens=20"),
        CountedCase("prefix_tuning_200", "PrefixTuning", "num_virtual_tokens=200"),
        CountedCase("prefix_tuning_20_projection", "PrefixTuning", "num_virtual_tokens=20", "prefix_projection=true"),
        CountedCase(
            "prefix_tuning_20_projection_h128", "PrefixTuning", "num_virtual_tokens=20", "prefix_projection=true",
            "encoder_hidden_size=128"),
        CountedCase("ia3", "IA3"),
        CountedCase("adaption_prompt_len10_layers30ormax", "LlamaAdapter") {
            ["adapter_len=10", "adapter_layers=\(min(30, $0))"]
        },
        CountedCase("adaption_prompt_len100_all_layers", "LlamaAdapter") {
            ["adapter_len=100", "adapter_layers=\($0)"]
        },
        CountedCase("ln_tuning", "FullFineTuning", "mode=norm"),
    ]

}

extension HostTests {
    /// What a method would train, from `config.json` alone, against what peft counts.
    @Suite struct PlanTests {
        private static let models = [
            "llm-jp-3-1.8b", "Llama-3.2-1B", "Llama-3.2-3B", "Llama-3.1-8B", "Llama-2-7b", "Mistral-7B-v0.1",
            "TinyLlama-1.1B", "SmolLM2-135M", "SmolLM2-360M", "SmolLM2-1.7B",
        ]

        private static func json(_ name: String) throws -> JSON {
            try JSON.parse(MappedFile.content(Fixtures.path("configs/\(name).json")), place: name)
        }

        private func plan(_ config: String, _ plugin: String, _ more: [String]) throws -> JSON {
            let arguments = ["plan", "--config", Fixtures.path("configs/\(config).json"), "--plugin", plugin] + more
            return try #require(Program.output(arguments + ["--json"]).json().first)
        }

        @Test(arguments: CountedCase.all) fileprivate func counts(_ item: CountedCase) throws {
            let counted = try Self.json("counts")
            var rows = 0
            for (group, task) in [("CAUSAL_LM", "causal-lm"), ("SEQ_CLS_2", "seq-cls")] {
                for model in Self.models {
                    guard let pair = counted[group]?[model]?[item.name]?.array?.compactMap(\.int), pair.count == 2
                    else { continue }
                    let layers = try #require(Self.json(model)["num_hidden_layers"]?.int)
                    let options = item.options(layers).flatMap { ["-o", $0] }
                    let result = try plan(model, item.plugin, options + ["--task", task])
                    #expect(result["trainable"]?.int == pair[0], "\(model), \(task)")
                    #expect(result["all"]?.int == pair[1] - item.counters(layers: layers), "\(model), \(task)")
                    rows += 1
                }
            }
            // peft has no AdaLoRA targets for Mistral.
            #expect(rows >= Self.models.count - (item.plugin == "AdaLoRA" ? 1 : 0))
        }

        /// Rows of methods that no plugin of ours is must be the only ones without a case.
        @Test func everyRowHasItsCase() throws {
            let counted = try Self.json("counts")
            let others = [
                "lora_r8_bias_all", "vera", "loha", "lokr", "oft", "boft", "fourierft", "vblora",
                "trainable_tokens", "miss", "hra", "c3a", "shira", "randlora", "delora", "road",
            ]
            for group in ["CAUSAL_LM", "SEQ_CLS_2"] {
                let names = Set((counted[group]?.members ?? []).flatMap { $0.value.members ?? [] }.map(\.key))
                #expect(names.count >= 9)
                for name in names where !CountedCase.all.contains(where: { $0.name == name }) {
                    #expect(others.contains { name.hasPrefix($0) }, "\(name)")
                }
            }
        }

        /// The members are these four; the number of the practical guide.
        @Test func members() throws {
            let one = try plan("llm-jp-3-1.8b", "LoRA", ["-o", "r=1", "--task", "seq-cls"])
            #expect(one.members?.map(\.key) == ["trainable", "all", "adapter_bytes", "memory_bytes"])
            #expect(one["trainable"]?.int == 200_704)
            let three = try plan("llm-jp-3-1.8b", "LoRA", ["-o", "r=1", "--task", "seq-cls", "--num-labels", "3"])
            #expect(three["trainable"]?.int == 200_704 + 2048)
            #expect(three["all"]?.int == one["all"]!.int! + 2 * 2048)
            // Weights of two bytes, and more memory for more rows.
            let larger = try plan("llm-jp-3-1.8b", "LoRA", ["-o", "r=1", "--task", "seq-cls", "--batch-size", "64"])
            // A classifier reads some rows of the table only (99,584 tokens of 2,048 numbers).
            #expect(try #require(one["memory_bytes"]?.int) > 2 * (1_867_614_208 - 99_584 * 2_048))
            #expect(try #require(larger["memory_bytes"]?.int) > one["memory_bytes"]!.int!)
            let text = try Program.output([
                "plan", "--config", Fixtures.path("configs/SmolLM2-135M.json"), "--plugin", "LoRA",
            ])
            for part in ["trainable params: 460,800 ||", "BF16", "adapter: ", "8 rows of 128 tokens"] {
                #expect(text.output.contains(part))
            }
        }

        /// The file that a run writes, and the count that it prints; the forecast of rows as long as those of the run.
        @Test func likeARun() throws {
            let scratch = try Scratch()
            let (model, data) = (try Material.tiny(scratch), try Material.data(scratch))
            let run = try Program.output(
                Material.train(model: model, data: data, output: scratch / "out", "--json", "--epochs", "1")
            ).json()
            for base in [["--model", model], ["--config", model + "/config.json"]] {
                let plan = try #require(
                    Program.output(["plan", "--plugin", "LoRA", "--task", "seq-cls", "--json"] + base).json().first)
                #expect(plan["trainable"] == run.last?["trainable"])
                let file = try FileManager.default.attributesOfItem(atPath: scratch / "out/adapter_model.safetensors")
                #expect(plan["adapter_bytes"]?.int == file[.size] as? Int)
            }
        }

        /// 43 GB of parameters on 16 GB of weights, counted with 1 GB of address space and in seconds.
        @Test func nothingOfTheWeightsSize() throws {
            let config = Fixtures.path("configs/Llama-3.1-8B.json")
            let started = Date()
            let result = try Program.Running(
                "/bin/sh",
                [
                    "-c", "ulimit -v 1000000; exec \"$0\" \"$@\"", Program.path, "plan", "--config", config, "--plugin",
                    "LoRA", "-o", "r=4096", "-o", "target_modules=all-linear", "--json",
                ]
            ).wait()
            try #require(result.code == 0, "\(result.error)")
            // r · Σ (in + out) of q, k, v, o, gate, up and down, in 32 layers
            let widths = 2 * (4096 + 4096) + 2 * (4096 + 1024) + 3 * (4096 + 14336)
            #expect(try result.json().first?["trainable"]?.int == 4096 * widths * 32)
            #expect(-started.timeIntervalSinceNow < 10)
        }

        @Test func errors() throws {
            let scratch = try Scratch()
            let good = try Self.json("SmolLM2-135M")
            func file(_ name: String, _ value: JSON?) throws -> String {
                var members = (good.members ?? []).filter { $0.key != name }
                if let value { members.append(.init(name, value)) }
                return try scratch.write(JSON.object(members).text(), "config.json")
            }
            func expect(_ config: String, code: Int32 = 1, _ more: [String] = [], _ words: String...) throws {
                let arguments = ["plan", "--config", config, "--plugin", "LoRA"] + more
                try expectFailure(Program.run(arguments), code: code, words)
            }
            try expect(scratch / "none.json", [], "none.json")
            try expect(scratch.path, [], "folder")
            try expect(file("vocab_size", nil), [], "config.json", "\"vocab_size\" is missing")
            try expect(file("num_hidden_layers", 1_000_000_000), [], "the number of layers is 1000000000")
            try expect(file("hidden_size", "576"), [], "\"hidden_size\" is \"576\"")
            try expect(file("torch_dtype", "int3"), [], "int3", "bfloat16")
            try expect(file("model_type", "mamba"), [], "mamba")
            let config = try file("torch_dtype", "float16")
            try expect(config, ["--max-length", "9000"], "--max-length", "9000", "8192")
            try expect(config, code: 2, ["--batch-size", "0"], "--batch-size 0")
            try expect(config, code: 2, ["--batch-size", "1000000", "--max-length", "1000000"], "--batch-size 1000000")
            try expect(config, code: 2, ["--num-labels", "3"], "--num-labels", "seq-cls")
            try expect(config, code: 2, ["--task", "seq-cls", "--num-labels", "1"], "--num-labels 1")
            try expect(config, code: 2, ["--model", "x"], "--config or --model")
            try expect(config, ["-o", "target_modules=q_porj"], "q_porj", "q_proj")
        }
    }
}
