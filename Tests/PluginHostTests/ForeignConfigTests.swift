import Foundation
import Formats
import PluginHost
import Testing

/// What peft writes into `adapter_config.json`, and what this project's plugins make of it.
@Suite struct ForeignConfigTests {
    private func read(_ plugin: String, _ config: JSON) throws -> Settings {
        let folder = URL(filePath: CommandLine.arguments[0]).deletingLastPathComponent()
        let plugin = try LoadedPlugin.load(PluginLibrary(path: folder.appending(path: "lib\(plugin).so").path))
        return try importSettings(
            plugin, config: config, place: "a.json", tensors: [], model: TinyModel.description, task: "CAUSAL_LM",
            labels: 0)
    }

    @Test(
        arguments: [
            (true, "true"), (false, "false"), (nil, "true"), ("gaussian", "gaussian"), ("orthogonal", "orthogonal"),
            ("pissa", "pissa"), ("olora", "olora"), ("loftq", "loftq"), ("eva", "true"), ("mica", "true"),
        ] as [(JSON, String)]) func knownStarts(_ json: JSON, name: String) throws
    {
        let settings = try read("LoRA", ["peft_type": "LORA", "r": 4, "init_lora_weights": json])
        #expect(settings.values["init_lora_weights"] == .string(name))
        let isResidual = ["pissa", "olora"].contains(name)
        #expect(settings.values["relative_to_residual"] == .boolean(isResidual))
    }

    @Test(
        arguments: [
            ("nonsense", "\"nonsense\" is not"), (7, "7 is not"), ("Pissa", "\"Pissa\" is not"),
            ("pissa_niter_4", "path_initial_model_for_weight_conversion"),
            ("corda", "path_initial_model_for_weight_conversion"),
            ("lora_ga", "path_initial_model_for_weight_conversion"),
        ] as [(JSON, String)]) func unknownStarts(_ json: JSON, part: String) throws
    {
        let error = #expect(throws: PluginError.self) { try read("LoRA", ["r": 4, "init_lora_weights": json]) }
        let text = error?.description ?? ""
        #expect(text.contains("init_lora_weights") && text.contains(part), "\(text)")
        #expect(text.contains(part == "path_initial_model_for_weight_conversion" ? "\(json.string!)" : "olora"))
    }

    /// As peft 0.21 writes it: ranks and scales of every module are in the patterns.
    @Test func eva() throws {
        let q = "model.layers.0.self_attn.q_proj"
        let settings = try read(
            "LoRA",
            [
                "peft_type": "LORA", "init_lora_weights": "eva", "r": 4, "lora_alpha": 8,
                "eva_config": [
                    "adjust_scaling_factors": true, "label_mask_value": -100, "rho": 2.0, "tau": 0.99,
                    "use_label_mask": true, "whiten": false,
                ],
                "rank_pattern": ["model.layers.0.self_attn.q_proj": 3],
                "target_modules": ["model.layers.0.self_attn.q_proj"],
                "alpha_pattern": ["model.layers.0.self_attn.q_proj": 6.0],
            ])
        let values = try settings.values(at: q)
        #expect(values["r"] == .integer(3) && values["lora_alpha"] == .number(6))
    }

    @Test func feedForwardExpression() throws {
        let settings = try read("IA3", ["peft_type": "IA3", "feedforward_modules": #".*\.down_proj"#])
        #expect(settings.values["feedforward_modules"] == .strings([#".*\.down_proj"#]))
        #expect(settings.values["feedforward_is_expression"] == .boolean(true))
        let list = try read("IA3", ["peft_type": "IA3", "feedforward_modules": ["down_proj"]])
        #expect(list.values["feedforward_is_expression"] == .boolean(false))
        #expect(throws: PluginError.self) { try read("IA3", ["feedforward_modules": 5]) }
    }

    @Test(arguments: ["beta1", "beta2"]) func smoothing(_ name: String) throws {
        let settings = try read("AdaLoRA", .object([.init(name, 1.0), .init("total_step", 9)]))
        let folder = URL(filePath: CommandLine.arguments[0]).deletingLastPathComponent()
        let plugin = try LoadedPlugin.load(PluginLibrary(path: folder.appending(path: "libAdaLoRA.so").path))
        let error = #expect(throws: PluginError.self) {
            try trace(
                plugin, settings, model: TinyModel.description, sites: TinyModel.sites, task: "SEQ_CLS", labels: 2)
        }
        #expect(error?.message.contains("\(name) 1.0 is not between 0 and 1") == true)
    }
}
