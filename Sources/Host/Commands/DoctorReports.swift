import Engine
import Formats
import Foundation
import Kernels

/// The CPU, and which of the kernels written for it run.
struct CPUReport {
    let model: String
    let level: String
    /// Those of the CPU's features that kernels are chosen by, in Linux's words.
    let features: [String]

    init() {
        let info = (try? String(contentsOfFile: "/proc/cpuinfo", encoding: .utf8)) ?? ""
        func field(_ names: String...) -> Substring? {
            info.split(separator: "\n").first { line in names.contains { line.hasPrefix($0) } }?
                .split(separator: ":").last
        }
        model = field("model name").map { $0.trimmingCharacters(in: .whitespaces) } ?? "unknown"
        let all = Set(field("flags", "Features")?.split(separator: " ") ?? [])
        features = [
            "avx", "avx2", "fma", "f16c", "avx512f", "avx512bw", "avx512cd", "avx512dq", "avx512vl", "asimd",
        ].filter { all.contains($0[...]) }
        level =
            switch ph_cpu_level() {
            case PH_CPU_AVX512: "those for AVX-512"
            case PH_CPU_AVX2: "those for AVX2 with FMA"
            default: "those for any CPU, which are slow"
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
            let choice = report.isChosenByUser ? ", but OPENBLAS_CORETYPE asks for these" : ""
            let wanted = report.isRight ? "" : " (this CPU's are \(report.wantedCore)\(choice))"
            text = "\(report.version), kernels for \(report.core)\(wanted)"
            json = [
                "path": .string(report.path), "version": .string(report.version), "kernels": .string(report.core),
                "right_kernels": .string(report.wantedCore), "is_right": .bool(report.isRight),
            ]
            problem =
                report.isRight || report.isChosenByUser
                ? nil : "OpenBLAS uses the kernels for \(report.core); export OPENBLAS_CORETYPE=\(report.wantedCore)"
        } catch {
            (text, json, problem) = ("missing", nil, error.description)
        }
    }
}

/// What the build needs beside the Swift toolchain: files of Debian packages.
struct BuildReport {
    /// Packages that are not there.
    let missing: [String]
    let text: String

    init() {
        let files = FileManager.default
        let folders = (ProcessInfo.processInfo.environment["PATH"] ?? "").split(separator: ":")
        func isProgram(_ name: String) -> Bool { folders.contains { files.isExecutableFile(atPath: "\($0)/\(name)") } }
        var missing: [String] = []
        if !files.fileExists(atPath: "/usr/include/openssl/evp.h") { missing.append("libssl-dev") }
        if !isProgram("pkg-config") { missing.append("pkg-config") }
        self.missing = missing
        let packages =
            missing.isEmpty
            ? "packages are there"
            : "run: sudo apt-get install -y --no-install-recommends \(missing.joined(separator: " "))"
        text = packages + (isProgram("swift") ? "" : "; swift is not in PATH: https://www.swift.org/install/linux")
    }
}

/// The model and the data of scripts/demo, in the cache.
struct DemoReport {
    let folder: String
    let isComplete: Bool

    init() {
        let folder = Folder.cache
        self.folder = folder
        isComplete = [
            "SmolLM2-135M-Instruct.Q4_1.gguf", "reviews/train.tsv", "reviews/valid.tsv", "reviews/test.tsv",
        ].allSatisfy { FileManager.default.fileExists(atPath: "\(folder)/\($0)") }
    }

    var text: String {
        isComplete ? "model and data are in \(folder)" : "model and data are not in \(folder); run: scripts/prepare"
    }
}
