import ArgumentParser
import Formats
import Foundation
import Models
import Terminal
import Text

struct Tokenize: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Turn lines of text into token ids, or back.",
        discussion: "Reads standard input, split on LF only; prints one JSON array of ids a line.")

    @Option(help: "The model whose tokenizer is used.") var model: String
    @Flag(help: "Each line is one JSON string, so that a text may hold newlines.") var jsonLines = false
    @Flag(help: "Add no special tokens (with --decode: leave them out).") var noSpecial = false
    @Flag(help: "The other way: lines of JSON arrays of ids in, texts out.") var decode = false

    func run() throws {
        let tokenizer = try Model.tokenizer(of: model)
        var number = 0
        while let line = StandardInput.line() {
            number += 1
            let place = "standard input:\(number)"
            if decode {
                let ids = try JSON.parse(line, place: place).array?.map { $0.int.flatMap(Int32.init(exactly:)) ?? -1 }
                guard let ids else { throw FormatError(.corrupt, "not a JSON array of ids", place: place) }
                do {
                    let text = try tokenizer.decode(ids, skipSpecialTokens: noSpecial)
                    Output.line(jsonLines ? JSON.string(text).text() : text)
                } catch { throw FormatError(error.code, error.message, place: place, remedy: error.remedy) }
                continue
            }
            guard let plain = String(validating: line, as: UTF8.self) else {
                throw FormatError(.corrupt, "the line is not UTF-8", place: place)
            }
            var text = plain
            if jsonLines {
                guard let string = try JSON.parse(line, place: place).string else {
                    throw FormatError(.corrupt, "not a JSON string", place: place)
                }
                text = string
            }
            let ids = tokenizer.encode(text, addSpecialTokens: !noSpecial)
            Output.line("[" + ids.map(String.init).joined(separator: ", ") + "]")
        }
    }

}

/// Lines of standard input as bytes, split on LF only.
enum StandardInput {
    nonisolated(unsafe) private static let file = fdopen(STDIN_FILENO, "r")

    static func line() -> [UInt8]? {
        var pointer: UnsafeMutablePointer<CChar>?
        var capacity = 0
        defer { free(pointer) }
        guard file != nil else { return nil }
        let count = getline(&pointer, &capacity, file!)
        guard count >= 0, let pointer else { return nil }
        let bytes = UnsafeRawBufferPointer(start: pointer, count: count)
        return Array(bytes.last == 0x0A ? bytes.dropLast() : bytes[...])
    }
}
