import Adapters
import ArgumentParser
import Formats
import Foundation
import Models
import Terminal
import Training

struct ReplayRun: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "replay",
        abstract: "Train the recorded batches of a case folder, and print every step.",
        discussion: "The folder holds run.json and, where training started from an adapter, init/.")

    @Argument(help: "The case's folder.") var folder: String
    @Option(help: "The frozen base.") var model: String
    @OptionGroup var quantization: QuantizationOptions
    @OptionGroup var method: PluginOptions
    @Option(help: "Write the final adapter here.") var output: String?
    @OptionGroup var threads: ThreadOptions

    func validate() throws { _ = try method.parsedOptions() }

    func run() throws {
        // A case brings hyperparameters of its own; what is typed is checked before anything is read.
        let library = method.options.isEmpty ? try method.find() : try method.library()
        let base = try Model(model)
        let recorded = try ReplayCase(folder + "/run.json", vocabulary: base.configuration.vocabulary)
        let initial = folder + "/init"
        let state = try TrainableState(initial)
        let traced: TracedMethod
        var stored: StoredAdapter?
        if FileManager.default.fileExists(atPath: initial + "/adapter_config.json") {
            guard method.options.isEmpty else {
                throw TrainingError("the case has its own hyperparameters", place: initial, remedy: "leave -o out")
            }
            stored = try StoredAdapter(initial)
            do {
                traced = try TracedMethod(
                    library, in: method.tracing.isolation, configuration: stored!.configuration,
                    place: initial + "/adapter_config.json",
                    tensors: Set(stored!.tensors.map(\.name)).union(state?.names ?? []), model: base.configuration,
                    task: recorded.task, tokenize: base.tokenize, warn: Message.warn)
            } catch  where !library.manifest.peftTypes.contains(stored!.peftType) {
                throw TrainingError(
                    "the case is of \(stored!.peftType), which \(library.manifest.id) cannot read (\(error))",
                    place: initial, remedy: "name the plugin of that type with --plugin")
            }
        } else {
            traced = try method.trace(
                library, recorded: recorded.options, model: base.configuration, tokenize: base.tokenize,
                task: recorded.task
            ) {
                $0.derive("total_step", .integer(recorded.batches.count))
                $0.derive("learning_rate", .number(recorded.learningRate))
            }
        }
        try Features.check(traced.program, nil)
        try quantization.quantize(base)
        let adapted = try AdaptedModel(base, method: traced.program, task: recorded.task, seed: 0)
        let known = try state?.load(into: adapted) ?? []
        try stored?.load(into: adapted, except: known)
        let replay = Replay(recorded, adapted, pool: threads.pool())
        try replay.run { step, result in
            var line: [JSON.Member] = [
                .init("step", .integer(Int64(step))), .init("loss", .number(result.loss)),
                .init("grad_norm", .number(result.gradientNorm)),
            ]
            if !result.nonzeroCounts.isEmpty {
                let counts = result.nonzeroCounts.map { JSON.Member($0.name, .integer(Int64($0.count))) }
                line.append(.init("nonzero", .object(counts)))
            }
            Output.line(JSON.object(line).text())
        }
        let probe = try replay.probe()
        let last: JSON = [
            "probe": [
                "top_ids": .array(probe.ids.map { .integer(Int64($0)) }),
                "top_logits": .array(probe.logits.map { .number(Double($0)) }),
            ],
            "trainable": .integer(Int64(adapted.tensors.trainedCount)),
        ]
        Output.line(last.text())
        guard let output else { return }
        let sidecar = try Sidecar(
            adapted, traced, labels: (0..<recorded.task.labels).map(String.init), options: .null)
        try AdapterWriter(adapted, traced, sidecar: sidecar).write(
            to: output, prunes: false, copiesTables: true, state: state?.tensors(of: adapted))
    }
}
