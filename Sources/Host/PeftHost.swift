import ArgumentParser
import Foundation
import PluginHost
import Terminal

@main
struct PeftHost: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "peft-host",
        abstract: "Fine-tunes frozen language models on ordinary computers; every method is a plugin.",
        version: HostVersion.text,
        subcommands: [
            Train.self, Plan.self, Predict.self, Evaluate.self, Tokenize.self, Logits.self, ReplayRun.self,
            Generate.self, Chat.self, Merge.self, Export.self, Import.self, Combine.self, RegistryCommand.self,
            Plugins.self,
            Doctor.self,
        ])

    static func main() {
        signal(SIGPIPE, SIG_DFL)
        // A file that may not grow any more is then an error of the write.
        signal(SIGXFSZ, SIG_IGN)
        do {
            var command = try parseAsRoot(arguments(Array(CommandLine.arguments.dropFirst())))
            try command.run()
        } catch let code as ExitCode {
            Foundation.exit(code.rawValue)
        } catch {
            // ArgumentParser's own errors (and its help) know how they are printed.
            let isUsage = exitCode(for: error) == .validationFailure || exitCode(for: error).isSuccess
            let message = fullMessage(for: error)
            if exitCode(for: error).isSuccess {
                Output.line(message)
                Foundation.exit(0)
            }
            let text = isUsage ? message : "Error: \(error)"
            Message.note(text)
            Foundation.exit(isUsage ? 2 : 1)
        }
    }

    /// Options may stand in front of the command too: `peft-host --plugin libLoRA.so train …`. They are moved behind all
    /// others, where those of a command's own command (`plugins list`) stand too.
    static func arguments(_ arguments: [String]) -> [String] {
        let commands = Set(configuration.subcommands.map { $0._commandName })
        var front: [String] = []
        var rest = arguments[...]
        while let first = rest.first,
            ["--plugin", "--plugin-path", "--plugin-sha256"].contains(where: {
                first == $0 || first.hasPrefix("\($0)=")
            })
        {
            let count = first.contains("=") ? 1 : 2
            front += rest.prefix(count)
            rest = rest.dropFirst(count)
        }
        guard !front.isEmpty, let command = rest.first, commands.contains(command) else { return arguments }
        let end = rest.firstIndex(of: "--") ?? rest.endIndex
        return rest[..<end] + front + rest[end...]
    }
}
