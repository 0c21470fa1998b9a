import ArgumentParser
import Formats
import Foundation
import PluginHost
import Programs
import Terminal

extension Plugins {
    struct List: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "All plugins of the search path.",
            discussion: "Ends with 1 where a library cannot be used.")

        @OptionGroup var search: SearchOptions
        @Flag(help: "JSON on standard output.") var json = false

        func run() throws {
            let found = search.search.list()
            if json {
                Output.line(JSON.array(found.map(\.json)).text(indent: 2))
            } else if found.isEmpty {
                Output.line("no plugins in \(search.search.folders.joined(separator: ", "))")
            } else {
                show(found)
            }
            // One that another stands in front of is found by its path.
            if found.contains(where: { $0.problem.map { $0.code != .shadowed } ?? false }) { throw ExitCode(1) }
        }

        private func show(_ found: [FoundPlugin]) {
            let hasProblems = found.contains { $0.problem != nil }
            var titles = ["METHOD", "VERSION", "LICENCE", "SITES", "CAPABILITIES", "LIBRARY"]
            if hasProblems { titles.append("PROBLEM") }
            let rows = found.map { item -> [String] in
                let about = item.library?.manifest
                let sites = SiteKind.allCases.filter { about?.siteKinds.contains($0) == true }.map(\.name)
                let abilities = Capability.allCases.filter { about?.capabilities.contains($0) == true }.map(\.name)
                let cells = [
                    about?.id ?? "", about?.version ?? "", about?.license ?? "", sites.joined(separator: ", "),
                    abilities.joined(separator: ", "), item.file,
                ].map { $0.isEmpty ? "–" : $0 }
                return hasProblems ? cells + [item.problem?.code.rawValue ?? ""] : cells
            }
            for line in Columns.lines([titles] + rows, width: Columns.terminalWidth) { Output.line(line) }
            for problem in found.compactMap(\.problem) { Output.line("problem: \(problem)") }
            for warning in found.flatMap({ $0.library?.warnings ?? [] }) { Output.line("warning: \(warning)") }
        }
    }
}

extension FoundPlugin {
    fileprivate var json: JSON {
        [
            "path": .string(path), "manifest": library?.manifest.manifest ?? .null,
            "problem": problem.map { .string($0.description) } ?? .null,
            "problem_kind": problem.map { .string($0.code.rawValue) } ?? .null,
            "warnings": .array((library?.warnings ?? []).map(JSON.string)),
        ]
    }
}
