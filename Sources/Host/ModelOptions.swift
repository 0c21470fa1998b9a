import Adapters
import ArgumentParser
import Foundation
import Models
import PluginHost
import Training

/// A base, an adapter on its base, or both.
struct ModelOptions: ParsableArguments {
    @Option(help: "The base: a GGUF file or a Hugging Face folder. (default: the adapter's)") var model: String?
    @Option(help: "An adapter's folder.") var adapter: String?
    @OptionGroup var quantization: QuantizationOptions
    @OptionGroup var tracing: TracingOptions
    @OptionGroup var threads: ThreadOptions

    func validate() throws {
        if model == nil, adapter == nil { throw ValidationError("give --model, --adapter or both") }
    }

    /// - Parameter bare: makes a model of a base without an adapter.
    func open(_ bare: (Model) throws -> AdaptedModel) throws -> AdaptedModel {
        if let adapter {
            return try OpenedAdapter(
                adapter, modelPath: model, search: tracing.pinned, in: tracing.isolation,
                quantize: quantization.quantize, warn: Message.warn
            ).model
        }
        let base = try Model(model!)
        try quantization.quantize(base)
        return try bare(base)
    }

    /// A model that writes.
    func languageModel() throws -> AdaptedModel {
        let opened = try open { try AdaptedModel($0, method: nil, task: .causalLM, seed: 0) }
        guard opened.task == .causalLM else {
            throw AdapterError(
                "it was trained for seq-cls, and writes nothing", place: adapter ?? "",
                remedy: "give an adapter for causal-lm")
        }
        try Features.check(opened.method, nil)
        return opened
    }
}
