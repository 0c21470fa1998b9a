/// What peft 0.21 writes into every configuration of a family of methods, beside what a method itself says.
extension Export {
    /// Several fields of one value.
    public func fields(_ names: [String], json: String?) { for name in names { field(name, json: json) } }

    /// The options of `LoraConfig` and of what derives from it (`AdaLoraConfig`) that only LoRA itself knows, all off.
    public func loraOptionsOff() {
        fields(
            [
                "alora_invocation_tokens", "arrow_config", "corda_config", "eva_config", "kasa_config",
                "layer_replication", "lora_ga_config", "megatron_config", "monteclora_config", "target_parameters",
                "trainable_token_indices", "use_bdlora", "velora_config",
            ], json: "null")
        fields(["ensure_weight_tying", "fan_in_fan_out", "use_qalora"], json: "false")
        field("loftq_config", json: "{}")
        field("megatron_core", json: "\"megatron.core\"")
        field("qalora_group_size", json: "16")
    }

    /// The sizes in the configuration of a prompt-learning method.
    /// - Parameters:
    ///   - width: numbers a virtual token, of one layer.
    ///   - heads: what they are divided into.
    public func promptSizes(width: Int, heads: Int, model: Model) {
        field("num_attention_heads", json: "\(heads)")
        field("num_layers", json: "\(model.layers)")
        field("num_transformer_submodules", json: "1")
        field("token_dim", json: "\(width)")
    }
}

extension Config {
    /// Notes that the fields are understood, though nothing follows from them.
    public func skip(_ fields: [String]) { for field in fields { _ = kind(field) } }

    /// The fields of ``Export/promptSizes(width:heads:model:)``.
    public static let promptSizes = ["num_attention_heads", "num_layers", "num_transformer_submodules", "token_dim"]

    /// An error where one of these fields is not as it would be written for this model.
    public func checkPromptSizes(width: Int, heads: Int) {
        for (name, size) in zip(Config.promptSizes, [heads, model.layers, 1, width]) where kind(name) == .number {
            if integer(name) != size { fail("\(name) is \(integer(name)), and \(size) with this model") }
        }
    }
}
