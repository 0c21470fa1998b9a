import Adapters
import ArgumentParser
import Engine
import Foundation
import Models
import PluginHost
import Terminal
import Training

/// Where plugins are looked for.
struct SearchOptions: ParsableArguments {
    @Option(name: .customLong("plugin-path"), help: "Look for plugins in this folder first. (repeatable)")
    var pluginPath: [String] = []

    @Flag(
        help:
            "Let the plugin's kernels run in this process, now and whenever its library is the same (see plugins info)."
    )
    var allowKernels = false

    var search: PluginSearch {
        var search = PluginSearch(pluginPaths: pluginPath)
        if allowKernels { search.consent = .user }
        return search
    }
}

/// Which library is traced, and in which process.
struct TracingOptions: ParsableArguments {
    @OptionGroup var search: SearchOptions

    @Option(
        name: .customLong("plugin-sha256"),
        help: ArgumentHelp("Refuse the plugin's library unless this is its SHA-256.", valueName: "hex"))
    var pluginSHA256: String?

    @Flag(help: "Run the plugin's code in this process instead of a child, for debugging.") var inProcess = false

    func validate() throws {
        guard let pin = pluginSHA256, pin.utf8.count != 64 || !pin.allSatisfy(\.isHexDigit) else { return }
        throw ValidationError("--plugin-sha256 \(pin): 64 hexadecimal digits")
    }

    var isolation: PluginIsolation { inProcess ? .inProcess : .child() }

    var pinned: PluginSearch {
        var search = search.search
        search.sha256 = pluginSHA256
        return search
    }
}

/// The method and its hyperparameters.
struct PluginOptions: ParsableArguments {
    @Option(help: "The method: a name (LoRA), a file name (libLoRA.so) or a path.")
    var plugin: String

    @Option(
        name: .customShort("o"),
        help: ArgumentHelp(
            "A hyperparameter, name=value; names and defaults are Hugging Face's. (repeatable)", valueName: "name=value"
        ))
    var options: [String] = []

    @OptionGroup var tracing: TracingOptions

    /// Finds the method.
    func find() throws -> PluginLibrary { try tracing.pinned.find(plugin) }

    /// Finds the method and checks its options as far as its manifest goes, which needs no model.
    func library() throws -> PluginLibrary {
        let library = try find()
        do {
            _ = try Settings(library.manifest, options: parsedOptions())
        } catch let error as PluginError where error.code == .setting {
            // The command line's own fault, seen without any model.
            throw ValidationError("-o \(error)")
        }
        return library
    }

    /// - Parameters:
    ///   - recorded: options that come before the user's.
    ///   - tokenize: the ids of a text, special tokens included.
    ///   - derive: fills in the hyperparameters that the host derives.
    func trace(
        _ library: PluginLibrary, recorded: [(name: String, text: String)] = [], model: LlamaConfiguration,
        tokenize: @escaping TracedMethod.Tokenize, task: Task, derive: (inout Settings) -> Void
    ) throws -> TracedMethod {
        try TracedMethod(
            library, in: tracing.isolation, options: recorded + parsedOptions(), model: model, task: task,
            derive: derive, tokenize: tokenize, warn: Message.warn)
    }

    func parsedOptions() throws -> [(name: String, text: String)] { try PluginOptions.pairs(options) }

    static func pairs(_ options: [String]) throws -> [(name: String, text: String)] {
        try options.map { option in
            guard let split = option.firstIndex(of: "="), split != option.startIndex else {
                throw ValidationError("-o \(option): write it as name=value")
            }
            return (String(option[..<split]), String(option[option.index(after: split)...]))
        }
    }
}

extension Quantization: ExpressibleByArgument {}

/// How the frozen base is kept in memory.
struct QuantizationOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "Keep the base's linear layers as nf4, q8_0 or q4_0; none: as they are stored. (default: none; with an adapter, as in its training)",
            valueName: "kind"))
    var quantize: Quantization?

    /// - Parameter trained: what an adapter was trained on.
    func quantize(_ base: Model, trained: Quantization = .none) throws {
        let kind = quantize ?? trained
        let progress = Progress()
        defer { progress.clear() }
        try base.quantize(
            kind, progress: { progress.show($0, of: $1, "quantising to \(kind.name): layer \($0) of \($1)") },
            warn: Message.warn)
    }
}

struct ThreadOptions: ParsableArguments {
    @Option(help: "Threads that compute. (default: all cores; the result does not depend on it)")
    var threads: Int?

    func validate() throws {
        if let threads, !(1...1024).contains(threads) { throw ValidationError("--threads \(threads): 1 to 1024") }
    }

    func pool() -> WorkerPool { WorkerPool(threads: threads ?? ProcessInfo.processInfo.activeProcessorCount) }
}

enum TaskOption: String, ExpressibleByArgument, CaseIterable {
    case sequenceClassification = "seq-cls"
    case causalLM = "causal-lm"
}
