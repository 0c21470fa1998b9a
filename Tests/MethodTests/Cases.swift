/// Every method in every form that computes something else: each row runs through all of this folder's tests.
extension MethodCase {
    static let all: [MethodCase] = [
        MethodCase("IA3"),
        MethodCase("IA3", base: .biased, task: .sequenceClassification(labels: 3)),
        MethodCase(
            "IA3",
            [
                "init_ia3_weights": "false", "feedforward_modules": "o_proj,down_proj",
                "target_modules": "q_proj,o_proj,down_proj",
            ], start: .other),
        MethodCase("FullFineTuning", start: .nearBase),
        MethodCase("FullFineTuning", base: .untied, start: .nearBase),
        MethodCase("FullFineTuning", ["mode": "bitfit"], base: .biased, task: .sequenceClassification(labels: 3)),
        MethodCase("FullFineTuning", ["mode": "norm"]),
        MethodCase("FullFineTuning", ["mode": "last_layers", "layers": "1"], base: .biased, start: .nearBase),
        MethodCase("LoRA", ["r": "2"]),
        MethodCase("LoRA", ["r": "2", "target_modules": "q_proj,lm_head", "lora_dropout": "0.2"]),
        MethodCase("LoRA", ["r": "2", "bias": "lora_only", "lora_bias": "true", "use_rslora": "true"], base: .biased),
        MethodCase("LoRA", ["r": "2", "bias": "all"], base: .biased, task: .sequenceClassification(labels: 3)),
        MethodCase(
            "LoRA", ["r": "2", "lora_bias": "true", "init_lora_weights": "false"], start: .other, isMergeable: false),
        MethodCase("LoRA", ["r": "2", "init_lora_weights": "gaussian", "target_modules": "embed_tokens,up_proj"]),
        MethodCase("LoRA", ["r": "2", "use_dora": "true", "target_modules": "embed_tokens,up_proj"]),
        MethodCase("LoRA", ["r": "2", "use_dora": "true", "target_modules": "embed_tokens,up_proj"], base: .untied),
        MethodCase(
            "LoRA", ["r": "2", "target_modules": "embed_tokens,q_proj"], base: .biased,
            task: .sequenceClassification(labels: 3)),
        MethodCase(
            "LoRA",
            [
                "r": "3", "use_dora": "true", "bias": "lora_only", "target_modules": "all-linear",
                "lora_dropout": "0.3",
            ], base: .biased),
        MethodCase("LoRA", ["r": "2", "use_dora": "true", "init_lora_weights": "false"], start: .other),
        MethodCase("LoRA", ["r": "4", "init_lora_weights": "orthogonal"], start: .nearBase),
        MethodCase(
            "LoRA",
            [
                "r": "2", "init_lora_weights": "pissa", "lora_dropout": "0.2", "lora_alpha": "3",
                "target_modules": "q_proj,v_proj,embed_tokens", "rank_pattern": #"{"v_proj": 3}"#,
            ], start: .nearBase),
        MethodCase(
            "LoRA",
            [
                "r": "2", "init_lora_weights": "olora", "use_rslora": "true", "use_dora": "true",
                "bias": "all", "target_modules": "k_proj,down_proj",
            ], base: .biased, start: .nearBase),
        MethodCase("LoRA", ["r": "2", "init_lora_weights": "pissa", "relative_to_residual": "true"], start: .nearBase),
        MethodCase("LoRA", ["r": "2", "init_lora_weights": "loftq"]),
        MethodCase("LoRA", ["r": "2", "target_modules": "all-linear"], base: .windowed),
        MethodCase(
            "LoRA",
            [
                "r": "3", "use_rslora": "true", "lora_dropout": "0.3", "target_modules": "all-linear",
                "rank_pattern": #"{"k_proj": 1}"#, "alpha_pattern": #"{"up_proj": 2}"#,
            ], base: .biased),
        MethodCase(
            "IA3",
            [
                "feedforward_modules": #".*\.(mlp|none)\.down_proj"#, "feedforward_is_expression": "true",
                "is_feedforward_pattern": #"{"^(?:.*\\.(mlp|none)\\.down_proj)": 1}"#,
                "target_modules": "v_proj,up_proj,down_proj",
            ]),
        MethodCase("LoRA", ["r": "2", "modules_to_save": "embed_tokens"]),
        MethodCase(
            "LoRA", ["r": "2", "target_modules": "k_proj,down_proj", "modules_to_save": "lm_head,embed_tokens"],
            start: .nearBase),
        MethodCase(
            "LoRA", ["r": "2", "init_lora_weights": "pissa", "modules_to_save": "0.mlp,model.norm"], base: .biased,
            start: .nearBase),
        MethodCase("LoRA", ["r": "2", "target_modules": "embed_tokens,lm_head"]),
        MethodCase("IA3", ["modules_to_save": "norm,embed_tokens"], task: .sequenceClassification(labels: 3)),
        MethodCase("IA3", ["modules_to_save": "lm_head"], base: .untied, start: .nearBase),
        MethodCase(
            "AdaLoRA", ["init_r": "3", "target_r": "2", "total_step": "10", "modules_to_save": "1.mlp"],
            start: .nearBase),
        MethodCase(
            "LlamaAdapter", ["adapter_len": "3", "adapter_layers": "1", "modules_to_save": "lm_head"],
            start: .nearBase, isMergeable: false),
        MethodCase(
            "PrefixTuning", ["num_virtual_tokens": "2", "modules_to_save": "embed_tokens,o_proj"], start: .other,
            isMergeable: false),
        MethodCase("AdaLoRA", ["init_r": "3", "target_r": "2", "total_step": "10"]),
        MethodCase(
            "AdaLoRA",
            [
                "init_r": "3", "target_r": "2", "total_step": "10", "lora_alpha": "0",
                "kept_r_pattern": #"{"layers.0.self_attn.q_proj": 0, "v_proj": 2}"#,
            ]),
        MethodCase("BottleneckAdapter", ["reduction_factor": "2.5"], start: .besideBase, isMergeable: false),
        MethodCase(
            "BottleneckAdapter",
            [
                "config": "double_seq_bn", "reduction_factor": "100", "init_weights": "houlsby", "scaling": "-3",
                "dropout": "0.25", "non_linearity": "gelu",
            ], base: .biased, task: .sequenceClassification(labels: 3), start: .besideBase, isMergeable: false),
        MethodCase("BottleneckAdapter", ["config": "par_bn", "leave_out": "0"], isMergeable: false),
        MethodCase(
            "BottleneckAdapter",
            [
                "config": "par_bn", "scaling": "learned", "ln_before": "true",
                "reduction_factor_pattern": #"{"0.mlp": 9}"#,
            ],
            isMergeable: false),
        MethodCase(
            "BottleneckAdapter", ["scaling": "channel", "ln_after": "true", "non_linearity": "tanh"], start: .other,
            isMergeable: false),
        MethodCase("LlamaAdapter", ["adapter_len": "3", "adapter_layers": "2"], isMergeable: false),
        MethodCase(
            "LlamaAdapter", ["adapter_len": "2", "adapter_layers": "1", "feature_size": "5"], base: .biased,
            task: .sequenceClassification(labels: 3), isMergeable: false),
        MethodCase("PrefixTuning", ["num_virtual_tokens": "3"], start: .other, isMergeable: false),
        MethodCase(
            "PrefixTuning", ["num_virtual_tokens": "2", "init_weights": "zero"], base: .biased,
            task: .sequenceClassification(labels: 3), start: .other, isMergeable: false),
        MethodCase(
            "PrefixTuning", ["num_virtual_tokens": "4", "init_text": "jade"], start: .other, isMergeable: false),
        MethodCase(
            "PrefixTuning", ["num_virtual_tokens": "3", "prefix_projection": "true"], base: .biased, start: .other,
            isMergeable: false),
        MethodCase(
            "PrefixTuning",
            [
                "num_virtual_tokens": "5", "prefix_projection": "true", "encoder_hidden_size": "11",
                "init_text": "abc",
            ], start: .other, isMergeable: false),
        MethodCase("PrefixTuning", ["num_virtual_tokens": "5"], base: .windowed, start: .other, isMergeable: false),
        MethodCase("PromptTuning", ["num_virtual_tokens": "3"], start: .other, isMergeable: false),
        MethodCase(
            "PromptTuning", ["num_virtual_tokens": "1", "prompt_tuning_init": "SAMPLE_VOCAB"], base: .biased,
            task: .sequenceClassification(labels: 3), start: .other, isMergeable: false),
        MethodCase(
            "PTuning", ["num_virtual_tokens": "3", "encoder_hidden_size": "5"], start: .other, isMergeable: false),
        MethodCase(
            "PTuning",
            ["num_virtual_tokens": "3", "encoder_reparameterization_type": "LSTM", "encoder_hidden_size": "3"],
            task: .sequenceClassification(labels: 3), start: .other, isMergeable: false),
        MethodCase(
            "PTuning",
            [
                "num_virtual_tokens": "2", "encoder_reparameterization_type": "LSTM", "encoder_hidden_size": "2",
                "encoder_num_layers": "3", "encoder_dropout": "0.3",
            ], base: .biased, start: .other, isMergeable: false),
        MethodCase("PTuning", ["num_virtual_tokens": "2", "has_encoder": "false"], start: .other, isMergeable: false),
    ]
}
