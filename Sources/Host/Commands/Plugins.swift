import ArgumentParser
import Formats
import Foundation
import PluginHost
import Programs
import Terminal

struct Plugins: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "List methods, look into one, start a new one, check it; nothing of a plugin is run to list it.",
        subcommands: [List.self, Info.self, Manifest.self, New.self, Check.self, Probe.self],
        defaultSubcommand: List.self)

    struct Info: ParsableCommand {
        static let configuration = CommandConfiguration(abstract: "What a plugin says of itself.")

        @Argument(help: "A name, a file name or a path.") var plugin: String
        @OptionGroup var search: SearchOptions
        @Flag(help: "Also say what keeps its code from doing harm: a child is started to see what the kernel allows.")
        var security = false
        @Flag(help: "JSON on standard output.") var json = false

        func run() throws {
            let library = try search.search.find(plugin)
            let manifest = library.manifest
            let usesKernels = manifest.capabilities.contains(.kernels)
            let consent = try KernelConsent.user.covers(library) ? "allowed" : "not allowed"
            let security = try security ? PluginSecurity(library) : nil
            if json {
                var object: JSON = [
                    "path": .string(library.path), "machine": .string(library.machine), "manifest": manifest.manifest,
                    "exports": .array(library.exports.map(JSON.string)),
                    "needed": .array(library.needed.map(JSON.string)),
                    "warnings": .array(library.warnings.map(JSON.string)),
                    "kernels": usesKernels ? .string(consent) : nil,
                ]
                if let security { object = .object((object.members ?? []) + [.init("security", security.json)]) }
                return Output.line(object.text(indent: 2))
            }
            Output.line("\(manifest.id) \(manifest.version): \(manifest.summary)")
            for (name, text) in [
                ("peft_type", manifest.peftType), ("paper", manifest.paper), ("licence", manifest.license),
                (
                    "site kinds",
                    SiteKind.allCases.filter(manifest.siteKinds.contains).map(\.name).joined(separator: ", ")
                ),
                ("default targets", manifest.defaultRoles.map(\.name).joined(separator: ", ")),
                (
                    "capabilities",
                    Capability.allCases.filter(manifest.capabilities.contains).map(\.name).joined(separator: ", ")
                ),
                ("kernels", usesKernels ? "run in the host's process (\(consent), see --allow-kernels)" : ""),
                ("learning rate", String(manifest.defaultLearningRate)),
                ("plugin ABI", "\(manifest.abiBuiltWith), at least \(manifest.abiMinRequired)"),
                ("library", "\(library.path) (\(library.machine))"),
                ("exports", library.exports.joined(separator: ", ")),
                ("needs", library.needed.joined(separator: ", ")),
            ] {
                Output.line(
                    "  " + name.padding(toLength: 17, withPad: " ", startingAt: 0) + (text.isEmpty ? "–" : text))
            }
            Output.line("  hyperparameters (-o name=value)")
            for item in manifest.hyperparameters {
                let value = item.defaultValue.map { $0.json.text() } ?? (item.isDerived ? "derived" : "required")
                let pattern = item.patternField.map { "; by site: \($0)" } ?? ""
                Output.line("    \(item.name) = \(value)  \(item.summary) (\(item.rule)\(pattern))")
            }
            for warning in library.warnings { Output.line("  warning: \(warning)") }
            for line in security?.lines ?? [] { Output.line("  " + line) }
        }
    }

    struct Manifest: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Print the C file that puts a plugin's manifest into its library.",
            discussion: "Runs the library's code, in a child: this is for authors, who build once more with the file.")

        @Argument(help: "The library.") var library: String
        @Flag(help: "The JSON object alone, for languages that can put a file into a section.") var json = false
        @Flag(help: "Run the plugin's code in this process instead of a child, for debugging.") var inProcess = false

        func run() throws {
            let description = try describePlugin(unlisted: library, inProcess ? .inProcess : .child())
            Output.line(json ? description.manifest.text(indent: 1) : description.manifestSource)
        }
    }
}
