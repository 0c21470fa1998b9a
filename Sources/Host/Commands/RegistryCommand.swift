import ArgumentParser
import Foundation

/// Becomes peft-registry.
struct RegistryCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "registry",
        abstract: "Keep adapters with their files, figures and origins: add, list, compare, promote, roll back.")

    @Argument(parsing: .captureForPassthrough, help: "What peft-registry is asked for; --help shows it.")
    var arguments: [String] = []

    func run() throws {
        let path = try RegistryProgram.path()
        var words = ([path] + arguments).map { strdup($0) } + [nil]
        execv(path, &words)
        throw POSIXError(POSIXErrorCode(rawValue: errno) ?? .ENOEXEC)
    }
}
