import ArgumentParser
import Formats
import Foundation
import PluginCheck
import PluginHost
import Terminal

extension Plugins {
    struct Check: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Hold a plugin to every rule of the protocol.",
            discussion: "Each rule is tried in a child process. The exit code is 0 where none failed, else 1.")

        @Argument(help: "A name, a file name or a path.") var plugin: String
        @Option(help: "development, or distribution: what a library needs that is given to others, too.")
        var level: Rule.Level = .development
        @Option(name: .customLong("rule"), help: "Only this rule. (repeatable)") var rules: [String] = []
        @Option(help: "What everything random follows from. (default: the clock)") var seed: UInt64?
        @Option(
            name: .customShort("o"),
            help: ArgumentHelp("A hyperparameter in place of its default. (repeatable)", valueName: "name=value"))
        var options: [String] = []
        @OptionGroup var search: SearchOptions
        @Flag(help: "JSON on standard output.") var json = false

        func run() throws {
            // Also what cannot be read as a plugin is checked, where its path is given.
            let path = plugin.contains("/") ? plugin : try search.search.find(plugin).path
            let seed = seed ?? UInt64(Date().timeIntervalSince1970)
            let check = try PluginCheck.Check(
                path: path, seed: seed, options: try PluginOptions.pairs(options), level: level, only: rules,
                executable: "/proc/self/exe")
            if !json { Output.line("\(path), \(check.rules.count) rules, --level \(level.rawValue) --seed \(seed)") }
            let shows = !json
            let results = try check.run { if shows { Check.show($0) } }
            let failed = results.count { $0.isFailure }
            if json {
                let report: JSON = [
                    "path": .string(path), "level": .string(level.rawValue), "seed": .integer(Int64(clamping: seed)),
                    "passed": .bool(failed == 0), "rules": .array(results.map(Check.entry)),
                ]
                Output.line(report.text(indent: 2))
            } else {
                let skipped = results.count { if case .skipped = $0.outcome { true } else { false } }
                Output.line("\(results.count - failed - skipped) ok, \(failed) failed, \(skipped) skipped")
            }
            if failed > 0 { throw ExitCode(1) }
        }

        private static func show(_ result: PluginCheck.Check.Result) {
            let (word, message) = words(result.outcome)
            let mark = word == "passed" ? "ok" : word == "failed" ? "FAILED" : word
            Output.line(
                mark.padding(toLength: 8, withPad: " ", startingAt: 0)
                    + result.rule.id.padding(toLength: max(24, result.rule.id.count + 1), withPad: " ", startingAt: 0)
                    + result.rule.title)
            if !message.isEmpty { Output.line("        \(message)") }
        }

        private static func entry(_ result: PluginCheck.Check.Result) -> JSON {
            let (word, message) = words(result.outcome)
            return [
                "rule": .string(result.rule.id), "group": .string(result.rule.group),
                "title": .string(result.rule.title), "outcome": .string(word), "message": .string(message),
                "seconds": .number((result.seconds * 1000).rounded() / 1000),
            ]
        }

        private static func words(_ outcome: Outcome) -> (String, String) {
            switch outcome {
            case .passed: ("passed", "")
            case .failed(let message): ("failed", message)
            case .skipped(let reason): ("skipped", reason)
            }
        }
    }

    /// What `check` starts.
    struct Probe: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Try rules on a plugin in this process.", shouldDisplay: false)

        @Argument var path: String
        @Option var seed: UInt64
        @Option var scratch: String
        @Option(name: .customShort("o")) var options: [String] = []

        func run() throws {
            PluginCheck.Probe.serve(
                path: path, seed: seed, scratch: scratch, options: try PluginOptions.pairs(options))
        }
    }
}

extension Rule.Level: ExpressibleByArgument {}
