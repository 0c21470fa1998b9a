import ArgumentParser
import Foundation
import Templates
import Terminal

extension Plugins {
    /// Writes a folder that builds into a plugin which trains at once.
    struct New: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Write a new plugin to start from: it builds, and it trains.",
            discussion: "Makes the folder NAME. Its files need nothing else but the compiler of the language.")

        enum Language: String, ExpressibleByArgument, CaseIterable {
            case c, cpp, rust, swift

            var methodFile: String {
                switch self {
                case .c: "method.c"
                case .cpp: "method.cpp"
                case .rust: "method.rs"
                case .swift: "ScaledOutput.swift"
                }
            }
            var manifestFile: String { self == .rust ? "manifest.json" : "manifest.c" }
        }

        @Option(help: "What it is written in.") var language: Language
        @Argument(help: "The method's id: letters and digits, and _ behind the first.") var name: String

        func validate() throws {
            let isName =
                name.utf8.allSatisfy { Character(UnicodeScalar($0)).isASCIIWord } && name.utf8.count <= 40
                && name.first?.isLetter == true
            guard isName else {
                throw ValidationError(
                    "\"\(name.prefix(60))\" is no name for a method: letters and digits, and _ behind the first; at most 40"
                )
            }
        }

        func run() throws {
            guard mkdir(name, 0o755) == 0 else {
                let reason = errno == EEXIST ? "is there already" : String(cString: strerror(errno))
                throw FolderError(folder: name, reason: reason)
            }
            for number in 0... {
                guard let template = peft_template_at(number) else { break }
                let languages = String(cString: template.pointee.languages).split(separator: " ")
                guard languages.contains("all") || languages.contains(Substring(language.rawValue)) else { continue }
                let bytes = UnsafeBufferPointer(start: template.pointee.bytes, count: template.pointee.count)
                try write(String(decoding: bytes, as: UTF8.self), String(cString: template.pointee.path))
            }
            Output.line("\(name): build it with \(name)/build.sh, then see README.md")
        }

        private func write(_ text: String, _ path: String) throws {
            let command = language == .rust ? "--json > manifest.json" : "> manifest.c"
            let text = text.replacing("MyMethod", with: name).replacing("MY_METHOD", with: peftType)
                .replacing("METHOD_FILE", with: language.methodFile)
                .replacing("MANIFEST_FILE", with: language.manifestFile)
                .replacing("MANIFEST_COMMAND", with: "peft-host plugins manifest ./lib\(name).so \(command)")
            let file = URL(filePath: name).appending(path: path)
            try FileManager.default.createDirectory(
                at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
            try text.write(to: file, atomically: false, encoding: .utf8)
            guard path == "build.sh" else { return }
            try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: file.path)
        }

        /// Hugging Face's way to write a method: `MY_METHOD`.
        private var peftType: String {
            var result = ""
            var last: Character = "_"
            for character in name {
                if character.isUppercase, last.isLowercase || last.isNumber { result += "_" }
                result += character.uppercased()
                last = character
            }
            return result
        }
    }
}

private struct FolderError: Error, CustomStringConvertible {
    var folder: String
    var reason: String
    var description: String { "\(folder): \(reason); choose another name, or go to another folder" }
}

extension Character {
    fileprivate var isASCIIWord: Bool { isASCII && (isLetter || isNumber || self == "_") }
}
