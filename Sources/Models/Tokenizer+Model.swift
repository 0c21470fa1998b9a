import Formats
import Foundation
import Text

extension Model {
    /// The tokenizer that the model's file or folder carries.
    package func tokenizer() throws -> Tokenizer { try Model.tokenizer(of: path) }

    /// The token ids of a text, special tokens included.
    package func tokenize(_ text: String) throws -> [Int32] { try tokenizer().encode(text, addSpecialTokens: true) }

    /// The tokenizer of a GGUF file, a folder with `tokenizer.json`, or that file itself; weights are not looked at.
    ///
    /// - Throws: an error where there is none, or one of a kind that is not implemented.
    package static func tokenizer(of path: String) throws -> Tokenizer {
        var isFolder: ObjCBool = false
        guard FileManager.default.fileExists(atPath: path, isDirectory: &isFolder) else {
            throw ModelError("there is no such model", place: path)
        }
        guard isFolder.boolValue || path.hasSuffix(".json") else {
            return try Tokenizer(gguf: GGUFTokenizerMetadata(GGUF(path)), place: path)
        }
        let file = isFolder.boolValue ? path + "/tokenizer.json" : path
        guard FileManager.default.fileExists(atPath: file) else {
            throw ModelError(
                "there is no tokenizer.json", place: path, remedy: "put the model's tokenizer.json beside it")
        }
        let settings = URL(filePath: file).deletingLastPathComponent().path + "/tokenizer_config.json"
        let configuration =
            FileManager.default.fileExists(atPath: settings)
            ? try JSON.parse(MappedFile.content(settings), place: settings) : nil
        var tokenizer = try Tokenizer(
            json: JSON.parse(MappedFile.content(file), place: file), configuration: configuration, place: file)
        // Without a tokenizer_config.json the model's own config says which token ends a text.
        let config = URL(filePath: file).deletingLastPathComponent().path + "/config.json"
        if tokenizer.eosID == nil, FileManager.default.fileExists(atPath: config) {
            let end = try JSON.parse(MappedFile.content(config), place: config)["eos_token_id"]
            if let id = (end?.array?.first ?? end)?.int.flatMap(Int32.init(exactly:)) { try tokenizer.end(with: id) }
        }
        return tokenizer
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
        characterMap = try gguf.intsIfPresent("tokenizer.ggml.precompiled_charsmap")?.map {
            UInt8(truncatingIfNeeded: $0)
        }
        chatTemplate = try gguf.stringIfPresent("tokenizer.chat_template")
    }
}
