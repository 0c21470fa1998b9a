import Adapters
import Engine
import Foundation
import Formats
import Models
import PluginHost
import Programs
import Testing
import Training

/// A plugin that brings a kernel: what it needs, what it trains, and what an adapter of it needs later.
@Suite(.serialized) struct KernelTests {
    init() { #expect(Consent.folder != "/nowhere") }

    private static let description: PluginDescription = {
        var sine = PluginDescription(id: "Sine", peftType: "SINE", version: "1")
        sine.capabilities = [.kernels]
        sine.siteKinds = [.linear]
        sine.defaultRoles = [.query, .value]
        sine.defaultLearningRate = 1e-3
        return sine
    }()

    private static func library(_ defines: [String] = [], claims: Set<Capability> = [.kernels]) throws -> PluginLibrary
    {
        var description = description
        description.capabilities = claims
        let bits = claims.contains(.kernels) ? [] : ["CAPABILITIES=0"]
        return try PluginLibrary(path: Build.plugin("kernels.c", defines + bits, manifest: description))
    }

    private static func base() throws -> Model {
        let fixtures = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        return try Model(fixtures.appending(path: "Fixtures/tiny/a-llama").path)
    }

    private static func trace(_ library: PluginLibrary, _ model: Model) throws -> TracedMethod {
        try KernelConsent.user.give(to: library)
        return try TracedMethod(
            library, options: [], model: model.configuration, task: .causalLM, tokenize: { _ in [0] }, warn: { _ in })
    }

    /// The losses of some steps, and the last gradients.
    private static func train(_ model: AdaptedModel, threads: Int) throws -> ([Double], [Float]) {
        let rows: [[Int32]] = [[1, 4, 2, 7], [3, 5, 9], [6]]
        let batch = Batch(predicting: rows, isTarget: rows.map { $0.map { _ in true } }, weight: 0.2)
        let pool = WorkerPool(threads: threads)
        let program = try GradientProgram(model, capacity: batch.sizes, pool: pool)
        let losses = (0..<8).map { step in
            let loss = program.run(batch, step: step, microBatch: 0, accumulates: false)
            Optimizer().update(
                model.tensors, learningRate: 0.02, step: step + 1,
                gradientNorm: Optimizer.gradientNorm(model.tensors, on: pool), on: pool)
            return loss
        }
        return (losses, model.tensors.gradients.floatArray)
    }

    @Test func aKernelTrainsAsTheOperatorThatItStandsFor() throws {
        let base = try Self.base()
        func run(_ library: PluginLibrary, threads: Int) throws -> (losses: [Double], gradients: [Float]) {
            try Self.train(
                AdaptedModel(base, method: Self.trace(library, base).program, task: .causalLM, seed: 3),
                threads: threads)
        }
        let (kernel, operators) = (try Self.library(), try Self.library(["OPERATORS"], claims: [.kernels]))
        let one = try run(kernel, threads: 1)
        let expected = try run(operators, threads: 1)
        for (a, b) in zip(one.losses, expected.losses) { #expect(abs(a - b) <= 1e-5 * b) }
        #expect(one.losses[7] < one.losses[0] - 0.1)
        let scale = expected.gradients.reduce(0) { max($0, abs($1)) }
        for (a, b) in zip(one.gradients, expected.gradients) { #expect(abs(a - b) <= 1e-4 * scale) }
        let two = try run(kernel, threads: 2)
        #expect(two.losses == one.losses && two.gradients == one.gradients)
    }

    @Test(arguments: [
        ("VJP=wrong_vjp", "the kernel sine, its vjp: the gradient by array 0, f32[N,"),
        ("FORWARD=writes_behind", "the kernel sine: writes outside of its arrays: byte "),
        ("SIGNATURE=\"(in f32[n,d], m: i64) -> out f64[n,d]\"", "plan: add: the kernel sine: the signature"),
        ("SIGNATURE=\"(in f32[n], n: i64) -> out f32[n]\"", "plan: add: the kernel sine: its vjp has the operands"),
        ("FLAGS=2", "plan: add: the kernel sine has flags that this host does not know"),
        ("FLAGS=0", "the kernel is not marked as token-local"),
        ("VJP=0", "of vjp and vjp_signature one only"),
        ("FORWARD=0", "peft_kernel sine has no forward"),
        ("TWICE", "plan: add: a kernel is named sine already"),
        ("LATE", "add: kernels are registered in plan only"),
        ("NUMBER=7", "call: there is no kernel 7 of 1"),
        ("NUMBER=-1", "call: there is no kernel -1 of 1"),
        ("ARRAYS=0", "takes 1 arrays, not 0"),
        ("ARRAYS=1000", "call: a count of 1000; it must be from 0 to 32"),
    ])
    func broken(define: String, part: String) throws {
        let (base, library) = (try Self.base(), try Self.library([define]))
        let error = #expect(throws: PluginError.self) { try Self.trace(library, base) }
        #expect(error?.place == "Sine")
        #expect(error?.message.contains(part) == true, "\(error?.message ?? "")")
    }

    @Test func onlyWhoClaimsThemMayBringKernels() throws {
        let (base, library) = (try Self.base(), try Self.library(claims: []))
        let error = #expect(throws: PluginError.self) { try Self.trace(library, base) }
        #expect(error?.message == "plan: add: the plugin does not say that it uses kernels")
        #expect(error?.remedy == "claim PEFT_USES_KERNELS")
    }

    @Test func kernelsNeedConsent() throws {
        let folder = try Build.folder()
        let library = try Self.library()
        let consent = KernelConsent(file: folder.path + "/settings/allowed-kernels")
        #expect(try !consent.covers(library))
        let error = #expect(throws: PluginError.self) { try consent.check(library) }
        #expect(error?.code == .refused && error?.place == "Sine")
        #expect(error?.description.contains("would run inside this process") == true)
        #expect(error?.remedy.contains("--allow-kernels") == true)
        try consent.give(to: library)
        try consent.check(library)
        let kept = try String(contentsOfFile: consent.file, encoding: .utf8)
        try consent.give(to: library)
        #expect(try String(contentsOfFile: consent.file, encoding: .utf8) == kept)
        #expect(try kept == "\(SHA256.file(library.path))  Sine 1  \(library.path)\n")
        // Another build is another library.
        let other = try Self.library(["FORWARD=writes_behind"])
        #expect(try !consent.covers(other))
        try consent.give(to: other)
        #expect(try consent.covers(other) && consent.covers(library))
        // The plugin is not even loaded without it.
        let third = try Self.library(["VJP=wrong_vjp"])
        let refused = #expect(throws: PluginError.self) {
            try TracedMethod(
                third, options: [], model: Self.base().configuration, task: .causalLM, tokenize: { _ in [0] },
                warn: { _ in })
        }
        #expect(refused?.code == .refused)
        // What runs no kernels needs none.
        #expect(try consent.covers(Self.library(claims: [])))
    }

    @Test func anAdapterNeedsItsPlugin() throws {
        let base = try Self.base()
        let library = try Self.library()
        let traced = try Self.trace(library, base)
        let model = try AdaptedModel(base, method: traced.program, task: .causalLM, seed: 3)
        let folder = try Build.folder().path + "/adapter"
        let sidecar = try Sidecar(model, traced, labels: [], options: .null)
        try AdapterWriter(model, traced, sidecar: sidecar).write(to: folder)
        func open(_ paths: [String]) throws -> OpenedAdapter {
            try OpenedAdapter(
                folder, modelPath: nil,
                search: PluginSearch(pluginPaths: paths, environment: [:], executable: ""),
                quantize: { _, _ in }, warn: { _ in })
        }
        let opened = try open([URL(filePath: library.path).deletingLastPathComponent().path])
        #expect(opened.model.method == traced.program)
        #expect(try Self.train(opened.model, threads: 1).0 == Self.train(model, threads: 1).0)
        let error = #expect(throws: AdapterError.self) { try open([]) }
        #expect(
            error?.message.hasPrefix(
                "it runs kernels (sine), which are code of the plugin Sine, and that is not found: ") == true)
        #expect(error?.remedy == "name the folder that holds it with --plugin-path")
        // A version without that kernel.
        let other = try Self.library(["OPERATORS", "FLAGS=0"])
        try KernelConsent.user.give(to: other)
        let missing = #expect(throws: AdapterError.self) {
            try open([URL(filePath: other.path).deletingLastPathComponent().path])
        }
        #expect(missing?.message.hasPrefix("its graphs call the kernels sine otherwise than ") == true)
    }
}
