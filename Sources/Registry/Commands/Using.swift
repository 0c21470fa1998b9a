import ArgumentParser
import Formats
import Foundation
import Terminal

struct Path: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Print a folder with a version's files, for programs that read one.",
        discussion:
            "The folder lies in the cache, is made again where it is missing or was changed, and is not to be written to."
    )

    @OptionGroup var source: VersionOptions

    func run() throws {
        let folder = try source.registry.open().read { db in
            let version = try Catalogue.version(db, source.version)
            let content = try version.files(db).map { "\($0.path) \($0.sha256)\n" }.joined()
            let folder = "\(Folder.cache)/registry/\(SHA256.of(Array(content.utf8)))"
            if try !AdapterFiles.isRestored(db, version, at: folder) {
                try? FileManager.default.removeItem(atPath: folder)
                try AdapterFiles.restore(db, version, to: folder)
            }
            return folder
        }
        Output.line(folder)
    }
}

struct Export: ParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Write a version's files into a folder.")

    @OptionGroup var source: VersionOptions
    @Option(help: "The folder to make.") var output: String

    func run() throws {
        let version = try source.registry.open().read { db in
            let version = try Catalogue.version(db, source.version)
            guard !FileManager.default.fileExists(atPath: output) else {
                throw RegistryError(message: "it is there already", place: output, remedy: "give another --output")
            }
            try AdapterFiles.restore(db, version, to: output)
            return version
        }
        Output.line("\(output): \(version.text)")
    }
}
