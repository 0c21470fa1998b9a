import Adapters
import Engine
import Formats
import Foundation
import Models
import PluginHost

extension Rule {
    static let saving = numeric(
        "save-load", "computes the same when its adapter was saved and is opened without the plugin"
    ) { subject in
        let bench = try subject.bench()
        let model = try bench.trainable()
        try TrainingLoop(model, bench).run(0..<TrainedBits.steps)
        try checkSaving(bench, model)
        return .passed
    }

    /// The bits, or 1e-5 of the largest logit where the method has an export of its own.
    package static func checkSaving(_ bench: Bench, _ model: AdaptedModel) throws {
        // Kernels are code: only their plugin has them.
        let opened = try bench.opened(try bench.saved(model), search: model.hasKernels ? bench.plugins() : nil)
        let distance = Logits.distance(try Logits.of(opened), try Logits.of(model))
        guard distance <= (bench.traced.program.exportMap == nil ? 0 : 1e-5) else {
            throw Breach(
                "saved and opened, its logits are off by \(distance) of the largest; what the forward graphs read must be "
                    + "a parameter, or follow from the hyperparameters")
        }
    }

    static let importing = numeric(
        "export-import", "computes the same when the plugin opens its adapter as one from elsewhere"
    ) { subject in
        let bench = try subject.bench()
        let model = try bench.trainable()
        try TrainingLoop(model, bench).run(0..<TrainedBits.steps)
        do {
            try checkSaving(bench, model)
        } catch let breach as Breach {
            return .skipped("what it saves is not what it is: \(breach)")
        }
        try checkImporting(bench, model)
        return .passed
    }

    /// Without what only this host writes: 1e-5 of the largest logit.
    package static func checkImporting(_ bench: Bench, _ model: AdaptedModel) throws {
        let adapter = try bench.saved(model)
        for name in [Sidecar.fileName, Sidecar.programName] {
            try FileManager.default.removeItem(atPath: "\(adapter)/\(name)")
        }
        let opened = try bench.opened(adapter, search: bench.plugins())
        let distance = Logits.distance(try Logits.of(opened), try Logits.of(model))
        guard distance <= 1e-5 else {
            throw Breach(
                "exported and imported, its logits are off by \(distance) of the largest; import must undo export")
        }
    }

    static let merging = numeric(
        "merge", "merged into the base computes what it computes beside it, if it says that it can be"
    ) { subject in
        let claims = try subject.manifest().capabilities.contains(.merge)
        let refusal = try checkMerging(subject.bench())
        guard let refusal else {
            try subject.onVariants { _ = try checkMerging($0) }
            return .passed
        }
        return claims
            ? .failed("it claims merge, and with its defaults says: \(refusal)") : .skipped("it says: \(refusal)")
    }

    /// 1e-4 of the largest logit; the base afterwards as before.
    ///
    /// - Returns: why it cannot be merged; nil where it can.
    package static func checkMerging(_ bench: Bench) throws -> String? {
        for case .refused(let reason) in bench.traced.program.sites.map(\.merge) {
            guard reason.contains(where: { !$0.isWhitespace }) else {
                throw Breach("it cannot be merged and says no reason; give not_mergeable one")
            }
            return reason
        }
        let model = try bench.moved()
        let (before, base) = (try Logits.of(model), try Bench.frozenValues(of: bench.model))
        let merged = try model.merged(on: WorkerPool(threads: 1))
        let distance = Logits.distance(try Logits.of(merged), before)
        guard distance <= 1e-4 else {
            throw Breach("merged, its logits are off by \(distance) of the largest")
        }
        guard try Bench.frozenValues(of: bench.model) == base, Logits.distance(try Logits.of(model), before) == 0 else {
            throw Breach("unmerged, the base is not what it was")
        }
        return nil
    }
}

extension Bench {
    /// The folder of the adapter that `model` now is.
    package func saved(_ model: AdaptedModel) throws -> String {
        let adapter = "\(folder)/adapter-\(UUID().uuidString)"
        let labels = (0..<task.labels).map { "\($0)" }
        let sidecar = try Sidecar(model, traced, labels: labels, options: .null)
        try AdapterWriter(model, traced, sidecar: sidecar).write(to: adapter)
        return adapter
    }

    /// A folder in which no other plugin can be meant.
    fileprivate func plugins() throws -> String {
        let plugins = folder + "/plugins"
        if !FileManager.default.fileExists(atPath: plugins) {
            try Folder.make(plugins)
            try FileManager.default.createSymbolicLink(
                atPath: "\(plugins)/lib\(library.manifest.id).so", withDestinationPath: library.path)
        }
        return plugins
    }

    /// - Parameter search: where the plugin is looked for; nil: nowhere.
    package func opened(_ adapter: String, search: String?) throws -> AdaptedModel {
        let search = PluginSearch(pluginPaths: search.map { [$0] } ?? [], environment: [:], executable: "")
        return try OpenedAdapter(
            adapter, modelPath: model.path, search: search, in: .inProcess, quantize: { _, _ in }, warn: { _ in }
        ).model
    }
}
