import Formats
import Foundation
import Text

extension Model {
    /// The tokenizer that the model's file or folder carries.
    ///
    /// - Throws: `FormatError` where there is none, or one of a kind that is not implemented.
    package func tokenizer() throws -> Tokenizer {
        if let gguf = ggufMetadata { return try Tokenizer(gguf: GGUFTokenizerMetadata(gguf), place: path) }
        let file = path + "/tokenizer.json"
        guard FileManager.default.fileExists(atPath: file) else {
            throw ModelError("there is no tokenizer.json", place: path, remedy: "put the model's tokenizer.json beside it")
        }
        let settings = path + "/tokenizer_config.json"
        let configuration =
            FileManager.default.fileExists(atPath: settings)
            ? try JSON.parse(MappedFile.content(settings), place: settings) : nil
        return try Tokenizer(
            json: JSON.parse(MappedFile.content(file), place: file), configuration: configuration, place: file)
    }
}

extension GGUFTokenizerMetadata {
    /// What a GGUF file says of its tokenizer.
    package init(_ gguf: GGUF) throws(FormatError) {
        self.init(model: try gguf.string("tokenizer.ggml.model"), tokens: try gguf.strings("tokenizer.ggml.tokens"))
        pre = try gguf.stringIfPresent("tokenizer.ggml.pre")
        scores = try gguf.floatsIfPresent("tokenizer.ggml.scores")?.map(Float.init)
        tokenTypes = try gguf.intsIfPresent("tokenizer.ggml.token_type")
        merges = try gguf.stringsIfPresent("tokenizer.ggml.merges")
        bosID = try gguf.intIfPresent("tokenizer.ggml.bos_token_id")
        eosID = try gguf.intIfPresent("tokenizer.ggml.eos_token_id")
        unkID = try gguf.intIfPresent("tokenizer.ggml.unknown_token_id")
        padID = try gguf.intIfPresent("tokenizer.ggml.padding_token_id")
        addBOS = try gguf.boolIfPresent("tokenizer.ggml.add_bos_token")
        addEOS = try gguf.boolIfPresent("tokenizer.ggml.add_eos_token")
        addSpacePrefix = try gguf.boolIfPresent("tokenizer.ggml.add_space_prefix")
        removeExtraWhitespaces = try gguf.boolIfPresent("tokenizer.ggml.remove_extra_whitespaces")
        characterMap = try gguf.intsIfPresent("tokenizer.ggml.precompiled_charsmap")?.map { UInt8(truncatingIfNeeded: $0) }
        chatTemplate = try gguf.stringIfPresent("tokenizer.chat_template")
    }
}
