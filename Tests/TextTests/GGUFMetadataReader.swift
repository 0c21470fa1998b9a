import Formats
import Foundation
import Text

/// Reads the tokenizer's metadata out of a GGUF file that is known to be good.
struct GGUFMetadataReader {
    private enum Value {
        case integer(Int), float(Float), bool(Bool), string(String), integers([Int]), floats([Float]), strings([String])
        case other
    }

    private let data: Data
    private var position = 24
    private var values: [String: Value] = [:]

    static func tokenizer(_ url: URL) throws -> GGUFTokenizerMetadata {
        var reader = GGUFMetadataReader(data: try Data(contentsOf: url, options: .mappedIfSafe))
        return reader.metadata()
    }

    private init(data: Data) { self.data = data }

    private mutating func number<T>(_: T.Type) -> T {
        defer { position += MemoryLayout<T>.size }
        return data.withUnsafeBytes { $0.loadUnaligned(fromByteOffset: position, as: T.self) }
    }

    private mutating func string() -> String {
        let count = number(Int.self)
        defer { position += count }
        return data.withUnsafeBytes { String(decoding: $0[position..<position + count], as: UTF8.self) }
    }

    private mutating func value(_ type: UInt32) -> Value {
        switch type {
        case 0: return .integer(Int(number(UInt8.self)))
        case 1: return .integer(Int(number(Int8.self)))
        case 2: return .integer(Int(number(UInt16.self)))
        case 3: return .integer(Int(number(Int16.self)))
        case 4: return .integer(Int(number(UInt32.self)))
        case 5: return .integer(Int(number(Int32.self)))
        case 6: return .float(number(Float.self))
        case 7: return .bool(number(UInt8.self) != 0)
        case 8: return .string(string())
        case 10, 11: return .integer(number(Int.self))
        case 12:
            position += 8
            return .other
        default:
            let element = number(UInt32.self)
            let count = number(Int.self)
            switch element {
            case 6: return .floats((0..<count).map { _ in number(Float.self) })
            case 8: return .strings((0..<count).map { _ in string() })
            default:
                return .integers(
                    (0..<count).map { _ in if case .integer(let number) = value(element) { number } else { 0 } })
            }
        }
    }

    private mutating func metadata() -> GGUFTokenizerMetadata {
        position = 16
        for _ in 0..<number(Int.self) {
            let key = string()
            values[key] = value(number(UInt32.self))
        }
        var metadata = GGUFTokenizerMetadata(model: text("model") ?? "", tokens: strings("tokens") ?? [])
        metadata.pre = text("pre")
        if case .floats(let scores) = values["tokenizer.ggml.scores"] { metadata.scores = scores }
        if case .integers(let types) = values["tokenizer.ggml.token_type"] { metadata.tokenTypes = types }
        metadata.merges = strings("merges")
        metadata.bosID = integer("bos_token_id")
        metadata.eosID = integer("eos_token_id")
        metadata.unkID = integer("unknown_token_id")
        metadata.padID = integer("padding_token_id")
        metadata.addBOS = flag("add_bos_token")
        metadata.addEOS = flag("add_eos_token")
        metadata.addSpacePrefix = flag("add_space_prefix")
        metadata.removeExtraWhitespaces = flag("remove_extra_whitespaces")
        if case .string(let template) = values["tokenizer.chat_template"] { metadata.chatTemplate = template }
        return metadata
    }

    private func text(_ key: String) -> String? {
        if case .string(let text) = values["tokenizer.ggml.\(key)"] { text } else { nil }
    }
    private func strings(_ key: String) -> [String]? {
        if case .strings(let strings) = values["tokenizer.ggml.\(key)"] { strings } else { nil }
    }
    private func integer(_ key: String) -> Int? {
        if case .integer(let number) = values["tokenizer.ggml.\(key)"] { number } else { nil }
    }
    private func flag(_ key: String) -> Bool? {
        if case .bool(let bool) = values["tokenizer.ggml.\(key)"] { bool } else { nil }
    }
}
