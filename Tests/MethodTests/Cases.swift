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
        MethodCase("FullFineTuning", ["mode": "bitfit"], base: .biased, task: .sequenceClassification(labels: 3)),
        MethodCase("FullFineTuning", ["mode": "norm"]),
        MethodCase("FullFineTuning", ["mode": "last_layers", "layers": "1"], base: .biased, start: .nearBase),
        MethodCase("LoRA", ["r": "2"]),
        MethodCase(
            "LoRA",
            [
                "r": "3", "use_rslora": "true", "lora_dropout": "0.3", "target_modules": "all-linear",
                "rank_pattern": #"{"k_proj": 1}"#, "alpha_pattern": #"{"up_proj": 2}"#,
            ], base: .biased),
        MethodCase("BottleneckAdapter", ["reduction_factor": "2.5"], start: .besideBase, isMergeable: false),
        MethodCase(
            "BottleneckAdapter",
            [
                "config": "double_seq_bn", "reduction_factor": "100", "init_weights": "houlsby", "scaling": "-3",
                "dropout": "0.25", "non_linearity": "gelu",
            ], base: .biased, task: .sequenceClassification(labels: 3), start: .besideBase, isMergeable: false),
        MethodCase("BottleneckAdapter", ["config": "par_bn", "leave_out": "0"], isMergeable: false),
        MethodCase("LlamaAdapter", ["adapter_len": "3", "adapter_layers": "2"], isMergeable: false),
        MethodCase(
            "LlamaAdapter", ["adapter_len": "2", "adapter_layers": "1", "feature_size": "5"], base: .biased,
            task: .sequenceClassification(labels: 3), isMergeable: false),
        MethodCase("PrefixTuning", ["num_virtual_tokens": "3"], start: .other, isMergeable: false),
        MethodCase(
            "PrefixTuning", ["num_virtual_tokens": "2", "init_weights": "zero"], base: .biased,
            task: .sequenceClassification(labels: 3), start: .other, isMergeable: false),
        MethodCase("PrefixTuning", ["num_virtual_tokens": "4", "init_text": "jade"], start: .other, isMergeable: false),
        MethodCase(
            "PrefixTuning", ["num_virtual_tokens": "3", "prefix_projection": "true"], base: .biased, start: .other,
            isMergeable: false),
        MethodCase(
            "PrefixTuning",
            [
                "num_virtual_tokens": "5", "prefix_projection": "true", "encoder_hidden_size": "11",
                "init_text": "abc",
            ], start: .other, isMergeable: false),
    ]
}
