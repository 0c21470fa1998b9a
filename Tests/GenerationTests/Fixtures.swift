import Engine
import Formats
import Foundation
import Models
import Programs
import Text

enum Fixtures {
    private static let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .appending(path: "Fixtures")

    static func path(_ name: String) -> String { root.appending(path: name).path }

    static func json(_ name: String) throws -> [JSON] {
        try JSON.parse(MappedFile.content(path(name)), place: name).array ?? []
    }

    /// A model of 384 tokens that was never trained.
    static func model(_ name: String) throws -> AdaptedModel {
        try AdaptedModel(Model(path("tiny/\(name)")), method: nil, task: .causalLM, seed: 0)
    }

    /// Its tokens.
    static func tokenizer() throws -> Tokenizer {
        try Model.tokenizer(of: path("tokenizers/bpe-gpt2/tokenizer.json"))
    }
}

extension JSON {
    var ids: [Int32] { array?.map { Int32($0.int ?? -1) } ?? [] }
}
