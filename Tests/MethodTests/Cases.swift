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
    ]
}
