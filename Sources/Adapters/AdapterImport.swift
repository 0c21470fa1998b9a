import Engine
import Formats
import Foundation
import Models
import PluginHost
import Programs

/// Adapters of other programs, made our own: with the base's fingerprint and the method's program, so that they run without
/// the plugin and on their base only.
package struct AdapterImport {
    private let model: AdaptedModel
    private let traced: TracedMethod
    private let labels: [String]
    /// What it was.
    package let form: Form

    package enum Form: String, Sendable {
        case peft = "PEFT"
        case gguf = "GGUF LoRA"
        case mlx = "MLX"
    }

    /// - Parameters:
    ///   - source: a folder of PEFT or MLX, or a GGUF file.
    ///   - labels: names of a classifier's labels, in the order of their numbers; empty: their numbers.
    ///   - scratch: a folder for files on the way.
    /// - Throws: `AdapterError`, `FormatError` or `PluginError` where something of it is not known, or does not fit the base.
    package init(
        _ source: String, base: Model, labels: [String], search: PluginSearch, in isolation: PluginIsolation = .child(),
        scratch: String, warn: (String) -> Void
    ) throws {
        var folder = source
        let plain = { (update: LowRankUpdate) in
            guard !update.layers.isEmpty else { throw AdapterError("it changes nothing", place: source) }
            try PlainLoRA(update, base: base.configuration, basePath: base.path, task: .causalLM).writeFolder(scratch)
            folder = scratch
        }
        let config = source + "/adapter_config.json"
        if source.lowercased().hasSuffix(".gguf") {
            form = .gguf
            try plain(LowRankUpdate(gguf: source, base: base.configuration))
        } else if FileManager.default.fileExists(atPath: source + "/adapters.safetensors") {
            form = .mlx
            let configuration = try JSON.parse(MappedFile.content(config), place: config)
            try plain(LowRankUpdate(mlx: source, configuration: configuration, base: base.configuration))
        } else {
            form = .peft
        }
        let stored = try StoredAdapter(folder)
        let task = try stored.task
        guard labels.isEmpty || labels.count == task.labels else {
            throw AdapterError("it has \(task.labels) labels, and \(labels.count) names are given", place: source)
        }
        self.labels = labels.isEmpty ? stored.labels(task) : labels
        traced = try TracedMethod(
            try search.find(stored.peftType), in: isolation, configuration: stored.configuration,
            place: folder + "/adapter_config.json", tensors: Set(stored.tensors.map(\.name)),
            model: base.configuration, task: task, tokenize: base.tokenize, warn: warn)
        model = try AdaptedModel(base, method: traced.program, task: task, seed: 0)
        try stored.load(into: model)
    }

    /// What was imported: the method, the task, and how many numbers it has.
    package var summary: String {
        "\(traced.program.peftType), \(model.task.name), \(model.tensors.trainedCount.grouped) numbers"
    }

    package func write(to folder: String) throws {
        let sidecar = try Sidecar(model, traced, labels: labels, options: nil)
        try AdapterWriter(model, traced, sidecar: sidecar).write(to: folder)
    }
}
