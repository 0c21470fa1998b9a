import Formats
import Foundation
import Text

extension Model {
    /// The tokens that end what the model writes: its tokenizer's, and those that `generation_config.json`, `config.json` or
    /// the GGUF file name beside it (the end of a turn of a conversation).
    package func endTokens(_ tokenizer: Tokenizer) throws -> Set<Int32> {
        var ids = Set([tokenizer.eosID].compactMap(\.self))
        if let gguf = ggufMetadata {
            for key in ["tokenizer.ggml.eot_token_id", "tokenizer.ggml.eom_token_id"] {
                if let id = try gguf.intIfPresent(key) { ids.insert(Int32(clamping: id)) }
            }
            return ids
        }
        for name in ["generation_config.json", "config.json"] {
            let file = "\(path)/\(name)"
            guard FileManager.default.fileExists(atPath: file) else { continue }
            let end = try JSON.parse(MappedFile.content(file), place: file)["eos_token_id"]
            ids.formUnion((end?.array ?? [end].compactMap(\.self)).compactMap { $0.int.map { Int32(clamping: $0) } })
        }
        return ids
    }
}
