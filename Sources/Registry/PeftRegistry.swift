import ArgumentParser
import Foundation
import Terminal

@main
struct PeftRegistry: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "peft-registry",
        abstract: "Keeps adapters with their files, figures and origins, in one SQLite file.",
        discussion: "A version is named NAME (its latest), NAME@3, or NAME@TAG, such as NAME@production.",
        subcommands: [
            Add.self, List.self, Show.self, Search.self, Compare.self, Lineage.self, Path.self, Export.self, Tag.self,
            Untag.self, Promote.self, Rollback.self, Remove.self, Verify.self, Collect.self, Audit.self,
        ])

    static func main() {
        signal(SIGPIPE, SIG_DFL)
        do {
            var command = try parseAsRoot()
            try command.run()
        } catch let code as ExitCode {
            Foundation.exit(code.rawValue)
        } catch {
            if exitCode(for: error).isSuccess {
                Output.line(fullMessage(for: error))
                Foundation.exit(0)
            }
            let isUsage = exitCode(for: error) == .validationFailure
            Message.note(isUsage ? fullMessage(for: error) : "Error: \(error)")
            Foundation.exit(isUsage ? 2 : 1)
        }
    }
}

/// Which registry.
struct RegistryOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "The registry's file. (default: PEFT_HOST_REGISTRY, or peft-host/registry.sqlite in the user's data folder)",
            valueName: "file"))
    var registry: String?

    func open() throws -> Catalogue {
        func variable(_ name: String) -> String? {
            ProcessInfo.processInfo.environment[name].flatMap { $0.isEmpty ? nil : $0 }
        }
        let data = variable("XDG_DATA_HOME") ?? (variable("HOME") ?? "") + "/.local/share"
        return try Catalogue(registry ?? variable("PEFT_HOST_REGISTRY") ?? data + "/peft-host/registry.sqlite")
    }
}

/// A version that a command is about.
struct VersionOptions: ParsableArguments {
    @OptionGroup var registry: RegistryOptions
    @Argument(help: "NAME, NAME@3 or NAME@TAG.") var version: Reference
}
