import Formats
import PluginHost
import Programs
import Testing

/// Rules of Hugging Face PEFT 0.21 for choosing modules; the expected modules are worked out by hand.
@Suite struct TargetTests {
    func modules(_ options: [(name: String, text: String)], task: String = "SEQ_CLS") throws -> [String] {
        let settings = try Settings(.lora, options: options)
        return try settings.selection.select(from: TinyModel.sites, for: .lora, task: task).map {
            $0.module.replacing("model.layers.", with: "").replacing("self_attn.", with: "").replacing("mlp.", with: "")
        }
    }

    @Test(arguments: [
        ("null", ["0.q_proj", "0.v_proj", "1.q_proj", "1.v_proj"]),
        ("q_proj", ["0.q_proj", "1.q_proj"]),
        ("down_proj,k_proj", ["0.k_proj", "0.down_proj", "1.k_proj", "1.down_proj"]),
        (#"["self_attn.o_proj"]"#, ["0.o_proj", "1.o_proj"]),
        ("model.layers.1.mlp.up_proj", ["1.up_proj"]),
        (#".*\.1\.self_attn\.(q|k)_proj"#, ["1.q_proj", "1.k_proj"]),
        (#".*(gate|up)_proj"#, ["0.gate_proj", "0.up_proj", "1.gate_proj", "1.up_proj"]),
    ])
    func targets(text: String, expected: [String]) throws {
        #expect(try modules([("target_modules", text)]) == expected)
    }

    @Test func allLinearIsEverythingButTheHead() throws {
        #expect(try modules([("target_modules", "all-linear")]).count == 14)
    }

    @Test func exclusionsAndLayers() throws {
        #expect(
            try modules([("target_modules", "q_proj,k_proj"), ("exclude_modules", "model.layers.0.self_attn.q_proj")])
                == ["0.k_proj", "1.q_proj", "1.k_proj"])
        #expect(try modules([("layers_to_transform", "1")]) == ["1.q_proj", "1.v_proj"])
        #expect(
            try modules([("layers_to_transform", "[0]"), ("layers_pattern", "layers")]) == ["0.q_proj", "0.v_proj"])
        #expect(
            try modules([("target_modules", "all-linear"), ("modules_to_save", "mlp,self_attn.q_proj")]).count == 6)
    }

    @Test func theHeadIsSavedNotAdapted() throws {
        #expect(throws: PluginError.self) { try modules([("target_modules", "score")]) }
        #expect(try modules([("target_modules", "score")], task: "CAUSAL_LM") == ["score"])
    }

    @Test(arguments: [
        ("target_modules", "q_porj", "did you mean q_proj?"),
        ("target_modules", "q_proj,c_attn", "c_attn"),
        ("target_modules", "q_pro.", "the nearest are"),
        ("target_modules", "(", "not a regular expression"),
        ("target_modules", "([a-z.0-9_]+)+[XY]", "takes too many steps"),
        ("target_modules", "proj", "no module that LoRA can adapt is named \"proj\""),
        ("layers_to_transform", "7", "no layer 7; the model has layers 0 to 1"),
        ("layers_to_transform", "first", "is not a layer's number"),
        ("exclude_modules", ".*", "leave none of them"),
    ])
    func nothingMatches(field: String, text: String, part: String) throws {
        // "q_pro." ends with a dot, which no module does; as an expression it would have to match the whole path.
        let error = #expect(throws: PluginError.self) { try modules([(field, text)]) }
        #expect(error?.description.contains(part) == true || text == "q_pro.", "\(error!)")
        #expect(error?.code == .setting)
        #expect(error?.description.contains("\n") == false)
    }
}

@Suite struct SettingsTests {
    @Test func typedTexts() throws {
        let settings = try Settings(.lora, options: [("r", "1"), ("lora_alpha", "16"), ("lora_dropout", "5e-2")])
        #expect(settings.values["r"] == .integer(1))
        #expect(settings.values["lora_alpha"] == .number(16))
        #expect(settings.values["lora_dropout"] == .number(0.05))
    }

    @Test(arguments: [
        ("r", "0", "0 is not an integer from 1 to 1024"), ("r", "1.5", "1.5 is not an integer"),
        ("r", "", "is not an integer"),
        ("lora_dropout", "1", "not a number from 0 to 0.99"), ("lora_dropout", "nan", "not a number"),
        ("lora_alhpa", "3", "did you mean lora_alpha?"), ("rank_patern", "{}", "did you mean rank_pattern?"),
        ("rank_pattern", "{\"q_proj\": 0}", "0 at \"q_proj\" is not an integer from 1"),
        ("rank_pattern", "{\"(\": 4}", "not a regular expression"), ("rank_pattern", "{\"q\": ", "rank_pattern"),
        ("rank_pattern", "4", "no JSON object"),
    ])
    func refused(name: String, text: String, part: String) throws {
        let error = #expect(throws: PluginError.self) { try Settings(.lora, options: [(name, text)]) }
        #expect(error?.code == .setting)
        #expect(error?.description.hasPrefix(name) == true)
        #expect(error?.description.contains(part) == true, "\(error!)")
    }

    /// peft: keys in the file's order, the first full match of `(.*\.)?(KEY)$`.
    @Test(arguments: [
        ("model.layers.0.self_attn.q_proj", 2), ("model.layers.1.self_attn.q_proj", 3),
        ("model.layers.1.mlp.up_proj", 4),
        ("model.layers.0.self_attn.v_proj", 8), ("model.layers.0.self_attn.xq_proj", 8), ("q_proj", 3),
        ("model.layers.0.mlp.gate_proj", 5),
    ])
    func patterns(module: String, rank: Int) throws {
        let json =
            #"{"0.self_attn.q_proj": 2, "q_proj": 3, "layers.1.*": 4, "q_proj|gate_proj": 5, "attn.v_proj": 6, "^v_proj": 7}"#
        let settings = try Settings(.lora, options: [("rank_pattern", json)])
        #expect(try settings.values(at: module)["r"] == .integer(rank))
        #expect(try settings.values(at: module)["lora_alpha"] == .number(8))
    }

    /// As peft 0.21.2 writes it for LoRA.
    static let config = #"""
        {"alora_invocation_tokens": null, "alpha_pattern": {"q_proj": 32}, "arrow_config": null, "auto_mapping": null,
         "base_model_name_or_path": null, "bias": "none", "ensure_weight_tying": false, "eva_config": null,
         "exclude_modules": null, "fan_in_fan_out": false, "inference_mode": true, "init_lora_weights": true,
         "layers_pattern": null, "layers_to_transform": null, "loftq_config": {}, "lora_alpha": 16, "lora_bias": false,
         "lora_dropout": 0.0, "megatron_config": null, "megatron_core": "megatron.core",
         "modules_to_save": ["classifier", "score"], "peft_type": "LORA", "peft_version": "0.21.2", "qalora_group_size": 16,
         "r": 4, "rank_pattern": {}, "revision": null, "target_modules": ["v_proj", "q_proj"],
         "task_type": "SEQ_CLS", "use_dora": false, "use_rslora": false, "velora_config": null}
        """#

    @Test func aConfigFromHuggingFace() throws {
        let json = try JSON.parse(Self.config.utf8, place: "adapter_config.json")
        let settings = try Settings(.lora, config: json, place: "adapter_config.json")
        #expect(settings.values == ["r": .integer(4), "lora_alpha": .number(16), "lora_dropout": .number(0)])
        #expect(try settings.values(at: "model.layers.1.self_attn.q_proj")["lora_alpha"] == .number(32))
        #expect(settings.selection.modulesToSave == ["classifier", "score"])
        #expect(try settings.selection.select(from: TinyModel.sites, for: .lora, task: "SEQ_CLS").count == 4)
        // What is written is what was read.
        let again = try Settings(.lora, config: .object(settings.fields()), place: "again")
        #expect(again == settings)
    }

    @Test func aFieldThatNobodyKnows() throws {
        let text = Self.config.replacing(#""use_dora": false"#, with: #""use_dora": true"#)
        let json = try JSON.parse(text.utf8, place: "")
        let error = #expect(throws: PluginError.self) { try Settings(.lora, config: json, place: "a.json") }
        #expect(error?.description.hasPrefix("a.json: use_dora: LoRA has no hyperparameter of this name") == true)
    }

    @Test func listsAndRequiredAndNull() throws {
        var description = PluginDescription.lora
        var list = Hyperparameter("ranks", .integerList, default: nil)
        list.minimum = 0
        var kind = Hyperparameter("kind", .string, default: .null)
        (kind.choices, kind.isNullable) = (["MLP", "LSTM"], true)
        description.hyperparameters = [list, kind]
        #expect(throws: PluginError.self) { try Settings(description, options: []) }
        #expect(try Settings(description, options: [("ranks", "1, 2")]).values["ranks"] == .integers([1, 2]))
        #expect(try Settings(description, options: [("ranks", "[3]")]).values["ranks"] == .integers([3]))
        #expect(throws: PluginError.self) { try Settings(description, options: [("ranks", "1,,2")]) }
        #expect(throws: PluginError.self) { try Settings(description, options: [("ranks", "-1")]) }
        let settings = try Settings(description, options: [("ranks", "1"), ("kind", "LSTM"), ("kind", "null")])
        #expect(settings.values["kind"] == .null)
        let error = #expect(throws: PluginError.self) {
            try Settings(description, options: [("ranks", "1"), ("kind", "GRU")])
        }
        #expect(error?.description == "kind: GRU is not a string out of MLP, LSTM, or null")
    }
}
