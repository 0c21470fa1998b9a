import ArgumentParser
import Engine
import Formats
import Foundation
import Kernels
import PluginHost
import Training

struct Doctor: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Show what this installation has, what it lacks, and how that is mended.")

    @OptionGroup var search: SearchOptions
    @Flag(help: "JSON on standard output.") var json = false

    func run() throws {
        let cpu = CPUReport()
        let plugins = search.search.list()
        let broken = plugins.compactMap { item -> String? in
            if case .failure(let error) = item.library { error.description } else { nil }
        }
        let good = plugins.compactMap { try? $0.library.get().manifest }
        var problems = broken
        if good.isEmpty {
            problems.append(
                "no plugins in \(search.search.folders.joined(separator: ", ")); build them with swift build -c release"
            )
        }
        let blas = BLASReport()
        if let problem = blas.problem { problems.append(problem) }
        if json {
            let object: JSON = [
                "version": .string(HostVersion.number), "abi": .integer(Int64(LoadedPlugin.abi.upperBound)),
                "cpu": .string(cpu.model), "cores": .integer(Int64(ProcessInfo.processInfo.activeProcessorCount)),
                "kernels": .string(cpu.level), "blas": blas.json, "memory_bytes": .integer(Int64(ProcessMemory.total)),
                "memory_available_bytes": .integer(Int64(ProcessMemory.available)),
                "plugins": .array(good.map { .string("\($0.id) \($0.version)") }),
                "problems": .array(problems.map(JSON.string)),
            ]
            return Output.line(object.text(indent: 2))
        }
        Output.line("\(HostVersion.product)  \(HostVersion.number), plugin ABI \(LoadedPlugin.abi.upperBound)")
        Output.line(
            "cpu        \(cpu.model), \(ProcessInfo.processInfo.activeProcessorCount) cores; kernels for \(cpu.level)")
        Output.line(
            "memory     \(Numbers.megabytes(ProcessMemory.available)) free of \(Numbers.megabytes(ProcessMemory.total))"
        )
        Output.line(
            "plugins    \(good.isEmpty ? "none" : good.map { "\($0.id) \($0.version)" }.joined(separator: ", "))")
        Output.line(
            problems.isEmpty ? "nothing is missing" : problems.map { "problem    \($0)" }.joined(separator: "\n"))
    }
}

/// The CPU, and which of the kernels written for it run.
struct CPUReport {
    let model: String
    let level: String

    init() {
        let info = (try? String(contentsOfFile: "/proc/cpuinfo", encoding: .utf8)) ?? ""
        let line = info.split(separator: "\n").first { $0.hasPrefix("model name") }
        model = line?.split(separator: ":").last.map { $0.trimmingCharacters(in: .whitespaces) } ?? "unknown"
        level =
            switch ph_cpu_level() {
            case PH_CPU_AVX512: "AVX-512"
            case PH_CPU_AVX2: "AVX2 with FMA"
            default: "any CPU (slow)"
            }
    }
}

/// The OpenBLAS that solves and decomposes matrices, and whether its kernels are those for this CPU.
struct BLASReport {
    let text: String
    let json: JSON
    let problem: String?

    init() {
        do {
            let report = try BLAS.load().report
            text =
                "\(report.version), kernels for \(report.core)\(report.isRight ? "" : " (this CPU's are \(report.wantedCore))")"
            json = [
                "path": .string(report.path), "version": .string(report.version), "kernels": .string(report.core),
                "right_kernels": .string(report.wantedCore), "is_right": .bool(report.isRight),
            ]
            problem =
                report.isRight
                ? nil : "OpenBLAS uses the kernels for \(report.core); export OPENBLAS_CORETYPE=\(report.wantedCore)"
        } catch {
            (text, json, problem) = ("missing", nil, error.description)
        }
    }
}
