import Formats

extension ToyModel {
    /// For defaults that need width: hidden 32 and 128.
    static let wide = ToyModel([
        "hidden_size": 32, "intermediate_size": 64, "num_attention_heads": 4, "num_key_value_heads": 2,
        "vocab_size": 29, "num_hidden_layers": 2,
    ])
    static let wider = ToyModel(wideFields)
    private static let wideFields: [String: JSON] = [
        "hidden_size": 128, "intermediate_size": 256, "num_attention_heads": 4, "num_key_value_heads": 2,
        "vocab_size": 29, "num_hidden_layers": 2,
    ]

    /// A kind of model that a method should not be surprised by.
    struct Kind: Sendable {
        /// "with biases"
        let name: String
        /// The smallest, and one for methods that need width.
        let small, wide: ToyModel

        init(_ name: String, _ small: [String: JSON], _ wide: [String: JSON]? = nil) {
            self.name = name
            self.small = ToyModel(small)
            self.wide = ToyModel(wide ?? wideFields.merging(small) { $1 })
        }
    }

    static let kinds = [
        Kind("with tied embeddings", [:]),
        Kind("with biases", ["attention_bias": true, "mlp_bias": true]),
        Kind("with a head of its own", ["tie_word_embeddings": false]),
        // A Mistral, each token of which sees four.
        Kind("with a sliding window", ["model_type": "mistral", "sliding_window": 4]),
        Kind(
            "of one layer, odd sizes and one head",
            [
                "hidden_size": 6, "intermediate_size": 7, "num_hidden_layers": 1, "num_attention_heads": 1,
                "vocab_size": 13,
            ],
            [
                "hidden_size": 130, "intermediate_size": 135, "num_hidden_layers": 1, "num_attention_heads": 1,
                "vocab_size": 31,
            ]),
        Kind(
            "with three heads, sizes that nothing divides, and a head of its own",
            [
                "hidden_size": 15, "intermediate_size": 11, "num_attention_heads": 3, "num_key_value_heads": 1,
                "head_dim": 6, "vocab_size": 17, "num_hidden_layers": 1, "tie_word_embeddings": false,
            ],
            [
                "hidden_size": 135, "intermediate_size": 131, "num_attention_heads": 3, "num_key_value_heads": 1,
                "head_dim": 46, "vocab_size": 37, "num_hidden_layers": 1, "tie_word_embeddings": false,
            ]),
        Kind(
            "with grouped heads wider than its hidden size",
            [
                "hidden_size": 12, "intermediate_size": 5, "num_hidden_layers": 3, "num_attention_heads": 6,
                "num_key_value_heads": 3, "head_dim": 10, "vocab_size": 31,
            ],
            [
                "hidden_size": 132, "intermediate_size": 133, "num_hidden_layers": 3, "num_attention_heads": 6,
                "num_key_value_heads": 3, "head_dim": 50, "vocab_size": 31,
            ]),
    ]
}
