import Adapters
import Engine
import Foundation
import Models
import PluginHost
import Programs
import Testing
import Training

/// Examples/FourierFT: a plugin in C whose kernel is FFTW's transform.
@Suite struct FourierFTTests {
    /// Whether this machine has a C compiler and FFTW in single precision.
    static let isBuildable: Bool = {
        let source = "#include <fftw3.h>\\nint main(void) { fftwf_free(0); return 0; }\\n"
        return shell("printf '\(source)' | ${CC:-cc} -x c - -lfftw3f -o /dev/null 2>/dev/null") == 0
    }()

    private static func shell(_ command: String) -> Int32 {
        let process = Process()
        process.executableURL = URL(filePath: "/bin/sh")
        process.arguments = ["-c", command]
        guard (try? process.run()) != nil else { return -1 }
        process.waitUntilExit()
        return process.terminationStatus
    }

    private static let top = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent()

    /// One build for all tests.
    private static let built = Result {
        let path = try Build.folder().path + "/libFourierFT.so"
        guard shell("'\(top.path)/Examples/FourierFT/build.sh' '\(path)'") == 0 else {
            throw Build.Failure(message: "build.sh")
        }
        return path
    }

    private static func model(_ options: [(name: String, text: String)]) throws -> AdaptedModel {
        _ = Consent.folder
        let library = try PluginLibrary(path: built.get())
        try KernelConsent.user.give(to: library)
        let base = try Model(top.appending(path: "Tests/Fixtures/tiny/a-llama").path)
        let traced = try TracedMethod(
            library, options: options, model: base.configuration, task: .causalLM, tokenize: { _ in [0] },
            warn: { _ in })
        return try AdaptedModel(base, method: traced.program, task: .causalLM, seed: 3)
    }

    /// ΔW against the sum of cosines that the inverse transform is, at the places that torch.randperm(4096) gives with the seed
    /// 777; and the merged model against the unmerged one.
    @Test(.enabled(if: isBuildable)) func theUpdateIsTheInverseTransform() throws {
        let model = try Self.model([("n_frequency", "6"), ("target_modules", "q_proj")])
        let places = [2151, 945, 3161, 4091, 1983, 1566]
        let spectrum: [Float] = [1, -2, 0.5, 3, 0.25, -1]
        #expect(model.tensors.entries[0].name.hasSuffix("layers.0.self_attn.q_proj.fourierft_spectrum"))
        model.tensors[0] = spectrum
        let pool = WorkerPool(threads: 2)
        let name = "model.layers.0.self_attn.q_proj.weight"
        let merged = try #require(try model.mergedTensors(on: pool)[name]).values()
        let before = try model.model.tensor(name, shape: [64, 64]).values()
        for index in merged.indices {
            let (p, q) = (index / 64, index % 64)
            let sum = zip(places, spectrum).reduce(0) { sum, entry in
                let turn = Double(entry.0 / 64 * p + entry.0 % 64 * q) / 64
                return sum + Double(entry.1) * cos(2 * .pi * turn)
            }
            #expect(abs(Double(merged[index] - before[index]) - 150 * sum / 4096) <= 1e-6)
        }
        let row: [Int32] = [1, 4, 2, 7, 12]
        let batch = Batch(rows: [row], targetIndex: [4], targetLabels: [0], targetWeights: [0])
        let adapted = try Inference(model, pool: pool).run(batch).logits
        let plain = try Inference(model.merged(on: pool), pool: pool).run(batch).logits
        let largest = adapted.reduce(0) { max($0, abs($1)) }
        for (a, b) in zip(adapted, plain) { #expect(abs(a - b) <= 1e-4 * largest) }
    }

    @Test(.enabled(if: isBuildable)) func itTrains() throws {
        let model = try Self.model([("n_frequency", "200")])
        let rows: [[Int32]] = [[1, 4, 2, 7], [3, 5, 9], [6]]
        let batch = Batch(predicting: rows, isTarget: rows.map { $0.map { _ in true } }, weight: 0.2)
        let pool = WorkerPool(threads: 2)
        let program = try GradientProgram(model, capacity: batch.sizes, pool: pool)
        let losses = (0..<8).map { step in
            let loss = program.run(batch, step: step, microBatch: 0, accumulates: false)
            Optimizer().update(
                model.tensors, learningRate: 0.3, step: step + 1,
                gradientNorm: Optimizer.gradientNorm(model.tensors, on: pool), on: pool)
            return loss
        }
        #expect(losses[7] < losses[0] - 0.1, "\(losses)")
    }

    @Test(.enabled(if: isBuildable)) func thereMustBeRoomForTheFrequencies() {
        let error = #expect(throws: PluginError.self) { try Self.model([("n_frequency", "5000")]) }
        #expect(error?.message.contains("n_frequency is more than the weight has numbers") == true)
    }
}
