/// What the metadata of a GGUF file says about its tokenizer, key by key.
package struct GGUFTokenizerMetadata: Sendable {
    /// `tokenizer.ggml.model`: `gpt2` (byte-level BPE), `llama` (SentencePiece BPE), `t5` (Unigram).
    package var model: String
    /// `tokenizer.ggml.pre`: how byte-level BPE cuts words.
    package var pre: String?
    /// `tokenizer.ggml.tokens`; the index is the id.
    package var tokens: [String]
    /// `tokenizer.ggml.scores`, one a token.
    package var scores: [Float]?
    /// `tokenizer.ggml.token_type`, one a token.
    package var tokenTypes: [Int]?
    /// `tokenizer.ggml.merges`: two tokens with a space between them, by rank.
    package var merges: [String]?
    /// `tokenizer.ggml.bos_token_id` and so on.
    package var bosID: Int?
    package var eosID: Int?
    package var unkID: Int?
    package var padID: Int?
    /// `tokenizer.ggml.add_bos_token` and so on.
    package var addBOS: Bool?
    package var addEOS: Bool?
    package var addSpacePrefix: Bool?
    package var removeExtraWhitespaces: Bool?
    /// `tokenizer.ggml.precompiled_charsmap`.
    package var characterMap: [UInt8]?
    /// `tokenizer.chat_template`.
    package var chatTemplate: String?

    package init(model: String, tokens: [String]) {
        self.model = model
        self.tokens = tokens
    }
}
