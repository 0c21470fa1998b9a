import Formats
import Foundation
import Testing

/// A compiler that a test needs, and what to say where it is not there.
enum Tool {
    static func isThere(_ name: String) -> Bool {
        (ProcessInfo.processInfo.environment["PATH"] ?? "").split(separator: ":").contains {
            FileManager.default.isExecutableFile(atPath: "\($0)/\(name)")
        }
    }

    /// Whether there is a C compiler and FFTW in single precision.
    static let hasFFTW: Bool = {
        let source = "int main(void) { fftwf_free(0); }"
        let command = "echo '\(source)' | ${CC:-cc} -x c -include fftw3.h - -lfftw3f -o /dev/null"
        return (try? Program.Running("/bin/sh", ["-c", command], environment: compilers).wait().code) == 0
    }()

    /// Runs a command of the shell, which must succeed.
    static func run(_ command: String, sourceLocation: SourceLocation = #_sourceLocation) throws {
        let result = try Program.Running("/bin/sh", ["-c", command], environment: compilers).wait()
        try #require(result.code == 0, "\(command): \(result.output)\(result.error)", sourceLocation: sourceLocation)
    }

    /// Whether there is a Rust that knows C string literals.
    static let hasRust: Bool = {
        guard isThere("rustc") else { return false }
        let version = try? Program.Running("/bin/sh", ["-c", "rustc --version"]).wait().output
        let parts = (version ?? "").split { $0 == " " || $0 == "." }.compactMap { Int($0) }
        return parts.count >= 2 && (parts[0], parts[1]) >= (1, 77)
    }()

    /// Those that come with Swift, where there are no others.
    private static let compilers: [String: String] = {
        var result: [String: String] = [:]
        if !isThere("cc") { result["CC"] = "clang" }
        if !isThere("c++") { result["CXX"] = "clang++" }
        return result
    }()
}

extension HostTests {
    /// The plugins of Examples/, built by their scripts, against what peft computes (Fixtures/goldens/make_peft.py).
    @Suite struct Examples {
        private static let hasC = Tool.isThere("cc") || Tool.isThere("clang")
        private static let hasCxx = Tool.isThere("c++") || Tool.isThere("clang++")

        /// As they are for others, kernels included.
        @Test(arguments: [
            ("VeRA", hasC), ("LoHa", hasCxx), ("LoKr", Tool.hasRust), ("OFT", Tool.isThere("swiftc")),
            ("FourierFT", Tool.hasFFTW),
        ])
        func theyPassTheCheck(name: String, isBuildable: Bool) throws {
            guard isBuildable else { return }
            let example = try Example(name)
            try example.check()
        }

        @Test(.enabled(if: hasC, "there is no C compiler")) func veraInC() throws {
            let library = try Example("VeRA")
            try library.replay("vera-lm", "b-tied-gqa")
            try library.replay("vera-all-cls", "d-biases")
            try library.replay("vera-key-lm", "d-biases")
        }

        @Test(.enabled(if: hasCxx, "there is no C++ compiler")) func lohaInCxx() throws {
            let library = try Example("LoHa")
            try library.replay("loha-lm", "b-tied-gqa")
            try library.replay("loha-pattern-cls", "a-llama")
        }

        @Test(.enabled(if: Tool.hasRust, "there is no rustc of 1.77 or later")) func lokrInRust() throws {
            let library = try Example("LoKr")
            try library.replay("lokr-lm", "b-tied-gqa")
            try library.replay("lokr-both-cls", "a-llama")
            try library.replay("lokr-full-lm", "a-llama")
        }

        @Test(.enabled(if: Tool.isThere("swiftc"), "there is no swiftc")) func oftInSwift() throws {
            let library = try Example("OFT")
            try library.replay("oft-lm", "b-tied-gqa")
            try library.replay("oft-cayley-cls", "d-biases")
            try library.replay("oft-coft-lm", "a-llama")
            try library.replay("oft-share-lm", "a-llama")
        }

        /// peft's LN_TUNING is a mode of FullFineTuning, and its folders find it.
        @Test(arguments: [("norm-lm", "b-tied-gqa"), ("norm-some-cls", "a-llama")])
        func normTuning(name: String, model: String) throws {
            try Example(library: "FullFineTuning").replay(name, model)
            let probe = try Parity.Golden(name).run["probe"]
            let ids = (probe?["input_ids"]?.array ?? []).map { $0.text() }.joined(separator: ",")
            let ours = try Program.output([
                "logits", "--model", Fixtures.path("tiny/\(model)"), "--adapter",
                Fixtures.path("goldens/\(name)/final"), "--ids", ids,
            ]).json()
            let logits = ours.first?["top_logits"]?.array?.compactMap(\.double) ?? []
            let wanted = probe?["top_logits"]?.array?.compactMap(\.double) ?? []
            #expect(!wanted.isEmpty && logits.count >= wanted.count)
            for (a, b) in zip(logits, wanted) { #expect(abs(a - b) <= 1e-2) }
        }

        /// Options that only some combination of makes sense, or that this method lacks.
        @Test(.enabled(if: hasC, "there is no C compiler")) func veraSaysWhatItLacks() throws {
            let scratch = try Scratch()
            let example = try Example("VeRA")
            let data = try Material.data(scratch)
            for (model, option, message) in [
                ("d-biases", "bias=vera_only", "the base has biases, which this plugin does not train: give bias=none"),
                ("a-llama", "save_projection=false -o r=9000", "524,288"),
            ] {
                let options = option.split(separator: " ").map(String.init)
                let result = try Program.run(
                    Material.train(
                        model: Material.tiny(scratch, model, fixture: model), data: data, output: scratch / "out",
                        plugin: example.library, "-o") + options)
                #expect(result.code == 1)
                #expect(result.error.contains(message), "\(result.error)")
            }
        }
    }

    /// A plugin of Examples/, as its script builds it, or another one.
    private struct Example {
        let library: String
        private let scratch = try? Scratch()

        init(library: String) { self.library = library }

        init(_ name: String) throws {
            library = try #require(scratch) / "lib\(name).so"
            let script = Fixtures.repository.appending(path: "Examples/\(name)/build.sh").path
            try Tool.run("'\(script)' '\(library)'")
        }

        func check() throws {
            let result = try Program.run(["plugins", "check", library, "--level", "distribution", "--seed", "1"])
            #expect(result.code == 0, "\(result.output)\(result.error)")
        }

        func replay(_ name: String, _ model: String) throws {
            let golden = try Parity.Golden(name)
            let scratch = try Scratch()
            let lines = try Program.output([
                "replay", golden.folder, "--model", Fixtures.path("tiny/\(model)"), "--plugin", library, "--output",
                scratch / "final",
            ]).json()
            try Parity().expectSteps(golden, lines)
            try Parity().expectFinal(golden, AdapterFolder(scratch / "final"))
        }
    }
}
