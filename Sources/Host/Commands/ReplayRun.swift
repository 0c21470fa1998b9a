import Adapters
import ArgumentParser
import Formats
import Foundation
import Models
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
        let library = try method.library()
        let base = try Model(model)
        let recorded = try ReplayCase(folder + "/run.json", vocabulary: base.configuration.vocabulary)
        let initial = folder + "/init"
        let traced: TracedMethod
        var stored: StoredAdapter?
        if FileManager.default.fileExists(atPath: initial + "/adapter_config.json") {
            guard method.options.isEmpty else {
                throw TrainingError("the case has its own hyperparameters", place: initial, remedy: "leave -o out")
            }
            stored = try StoredAdapter(initial)
            traced = try TracedMethod(
                library, configuration: stored!.configuration, place: initial + "/adapter_config.json",
                tensors: Set(stored!.tensors.map(\.name)), model: base.configuration, task: recorded.task,
                warn: Message.warn)
        } else {
            traced = try method.trace(library, model: base.configuration, task: recorded.task)
        }
        try quantization.quantize(base)
        let adapted = try AdaptedModel(base, method: traced.program, task: recorded.task, seed: 0)
        try stored?.load(into: adapted)
        let replay = Replay(recorded, adapted, pool: threads.pool())
        try replay.run { step, result in
            let line: JSON = [
                "step": .integer(Int64(step)), "loss": .number(result.loss), "grad_norm": .number(result.gradientNorm),
            ]
            Output.line(line.text())
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
        try AdapterWriter(adapted, fields: traced.fields, sidecar: sidecar).write(to: output)
    }
}
