import Adapters
import ArgumentParser
import Foundation
import Models
import PluginHost
import Terminal
import Training

/// A base, adapters on their base, or both.
struct ModelOptions: ParsableArguments {
    @Option(help: "The base: a GGUF file or a Hugging Face folder. (default: the adapter's)") var model: String?
    @Option(
        help: ArgumentHelp(
            "An adapter's folder, or NAME@TAG of the registry. (repeatable: each row then names its own in a column adapter, none being the base; a name is the folder's last part, unless given as name=folder)",
            valueName: "folder"))
    var adapter: [String] = []
    @OptionGroup var quantization: QuantizationOptions
    @OptionGroup var tracing: TracingOptions
    @OptionGroup var threads: ThreadOptions

    func validate() throws {
        if model == nil, adapter.isEmpty { throw ValidationError("give --model, --adapter or both") }
        let names = adapter.map { NamedFolder($0).name }
        if names.count > 1, names.contains(AdapterChoice.none) {
            throw ValidationError("--adapter: none is the base; name it otherwise, as in other=folder")
        }
        for name in names where names.count(where: { $0 == name }) > 1 {
            throw ValidationError("--adapter: two are called \(name); name them, as in \(name)=folder")
        }
    }

    /// The base without an adapter.
    func base() throws -> Model {
        let base = try Model(model!)
        try quantization.quantize(base)
        return base
    }

    /// All adapters, on one base.
    func adapters() throws -> [OpenedAdapter] {
        var all: [OpenedAdapter] = []
        for text in adapter {
            all.append(
                try OpenedAdapter(
                    RegistryProgram.folder(NamedFolder(text).folder), modelPath: model, on: all.first,
                    search: tracing.pinned,
                    in: tracing.isolation, quantize: quantization.quantize, warn: Message.warn))
        }
        return all
    }

    /// Models that write: the one adapter, or the base, or all adapters and the base.
    func writers() throws -> AdapterChoice {
        let opened = try adapters()
        for adapter in opened where adapter.task != .causalLM {
            throw AdapterError(
                "it was trained for seq-cls, and writes nothing", place: adapter.stored.folder,
                remedy: "give an adapter for causal-lm")
        }
        for adapter in opened { try Features.check(adapter.model.method, nil) }
        var (names, members) = (adapter.map { NamedFolder($0).name }, opened.map(\.model))
        if members.count != 1 {
            let base = try members.first?.model ?? base()
            names.append(AdapterChoice.none)
            members.append(try AdaptedModel(base, method: nil, task: .causalLM, seed: 0))
        }
        return try AdapterChoice(names, members)
    }
}

/// `name=folder`, or a folder whose last part is the name; `name@tag` of the registry is one too.
struct NamedFolder {
    let name: String
    let folder: String

    init(_ text: String) {
        if let equals = text.firstIndex(of: "="), !text[..<equals].contains("/"), equals != text.startIndex {
            (name, folder) = (String(text[..<equals]), String(text[text.index(after: equals)...]))
        } else {
            let last = URL(filePath: text).standardizedFileURL.lastPathComponent
            (name, folder) = (String(last.prefix { $0 != "@" }), text)
        }
    }
}

/// Models of one base, of which each request names one.
struct AdapterChoice {
    /// The base without an adapter.
    static let none = "none"

    /// In the order of the model's members.
    let names: [String]
    let model: MixedModel

    init(_ names: [String], _ members: [AdaptedModel]) throws {
        self.names = names
        model = try MixedModel(members)
    }

    /// A single model, whatever it reads of rows.
    init(alone name: String, _ member: AdaptedModel) {
        names = [name]
        model = MixedModel(member)
    }

    /// The number of the model that a request asks for.
    ///
    /// - Parameter name: nil where it does not say.
    func number(of name: String?, place: String) throws -> Int {
        guard names.count > 1 else { return 0 }
        let all = names.joined(separator: ", ")
        guard let name else {
            throw AdapterError("there is no \"adapter\"", place: place, remedy: "name one of \(all)")
        }
        guard let number = names.firstIndex(of: name) else {
            throw AdapterError("there is no adapter \"\(name)\"", place: place, remedy: "name one of \(all)")
        }
        return number
    }
}
