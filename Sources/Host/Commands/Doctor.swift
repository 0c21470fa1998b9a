import ArgumentParser
import Formats
import Foundation
import PluginHost
import Terminal
import Training

struct Doctor: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Show what this installation has, what it lacks, and how that is mended.",
        discussion: "Ends with 1 where something is wrong.")

    @OptionGroup var search: SearchOptions
    @Flag(help: "JSON on standard output.") var json = false

    func run() throws {
        let (cpu, blas, build, demo) = (CPUReport(), BLASReport(), BuildReport(), DemoReport())
        let found = search.search.list()
        let plugins = found.filter { $0.problem == nil }.compactMap(\.library?.manifest).map {
            "\($0.id) \($0.version)"
        }
        var problems = found.compactMap(\.problem).filter { $0.code != .shadowed }.map(\.description)
        if plugins.isEmpty {
            let folders = search.search.folders.joined(separator: ", ")
            problems.append("there are no plugins in \(folders); build them with: swift build -c release")
        }
        if let problem = blas.problem { problems.append(problem) }
        if json {
            let object: JSON = [
                "version": .string(HostVersion.number), "abi": .integer(Int64(LoadedPlugin.abi.upperBound)),
                "cpu": .string(cpu.model), "cores": .integer(Int64(ProcessInfo.processInfo.activeProcessorCount)),
                "cpu_features": .array(cpu.features.map(JSON.string)), "kernels": .string(cpu.level),
                "blas": blas.json, "memory_bytes": .integer(Int64(ProcessMemory.total)),
                "memory_available_bytes": .integer(Int64(ProcessMemory.available)),
                "plugins": .array(plugins.map(JSON.string)),
                "missing_packages": .array(build.missing.map(JSON.string)),
                "demo": ["path": .string(demo.folder), "is_complete": .bool(demo.isComplete)],
                "problems": .array(problems.map(JSON.string)),
            ]
            Output.line(object.text(indent: 2))
        } else {
            let memory = (Numbers.megabytes(ProcessMemory.available), Numbers.megabytes(ProcessMemory.total))
            for (name, text) in [
                ("peft-host", "\(HostVersion.number), plugin ABI \(LoadedPlugin.abi.upperBound)"),
                ("cpu", "\(cpu.model), \(ProcessInfo.processInfo.activeProcessorCount) cores"),
                ("kernels", "\(cpu.level) (this CPU has \(cpu.features.joined(separator: " ")))"),
                ("openblas", blas.text),
                ("memory", "\(memory.0) free of \(memory.1)"),
                ("plugins", plugins.isEmpty ? "none" : plugins.joined(separator: ", ")),
                ("to build", build.text),
                ("demo", demo.text),
            ] { Output.line(name.padding(toLength: 11, withPad: " ", startingAt: 0) + text) }
            Output.line(
                problems.isEmpty ? "nothing is wrong" : problems.map { "problem: \($0)" }.joined(separator: "\n"))
        }
        if !problems.isEmpty { throw ExitCode(1) }
    }
}
