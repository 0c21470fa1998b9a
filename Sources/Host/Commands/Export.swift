import Adapters
import ArgumentParser
import Formats
import Foundation
import Models
import Terminal

struct Export: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Write an adapter in a form that other programs read.",
        discussion: """
            LoRA of any kind but DoRA, AdaLoRA and VeRA become plain LoRA exactly, with one rank and no scales; what is more \
            than an update of low rank is refused, and can be merged.
            """)

    enum Form: String, EnumerableFlag {
        case peft, portable, ggufLora, mlx

        static func help(for form: Form) -> ArgumentHelp? {
            switch form {
            case .peft: "The folder as PEFT has it, of any method, without what only peft-host reads."
            case .portable: "A folder of plain LoRA: PEFT, vLLM, and converters."
            case .ggufLora: "A GGUF file of plain LoRA: llama.cpp."
            case .mlx: "A folder of plain LoRA: MLX."
            }
        }
    }

    @Option(help: "The adapter's folder, or NAME@TAG of the registry.") var adapter: String
    @Option(help: "The base. (default: where it was when the adapter was trained)") var model: String?
    @Option(help: "The folder or file to write.") var output: String
    @Flag var form: Form
    @Flag(help: "Replace what is at --output.") var overwrite = false

    func run() throws {
        let taken = form == .ggufLora ? output : output + "/adapter_config.json"
        guard overwrite || !FileManager.default.fileExists(atPath: taken) else {
            throw AdapterError("there is an adapter already", place: output, remedy: "replace it with --overwrite")
        }
        try Folder.check(form == .ggufLora ? URL(filePath: output).deletingLastPathComponent().path : output)
        let stored = try StoredAdapter(RegistryProgram.folder(adapter))
        if form == .peft {
            try Folder.make(output)
            for name in ["adapter_model.safetensors", "adapter_config.json"] {
                try AtomicFile.write(MappedFile.content("\(stored.folder)/\(name)"), to: "\(output)/\(name)")
            }
            return Output.line("\(output): \(stored.tensors.count) tensors")
        }
        let path = try stored.basePath(model)
        let base = try Model(path)
        try stored.checkBase(base)
        let update = try LowRankUpdate(stored, base: base.configuration)
        let files = PlainLoRA(update, base: base.configuration, basePath: path, task: try stored.task)
        switch form {
        case .ggufLora: try files.writeGGUF(output)
        case .mlx: try files.writeMLX(output)
        default: try files.writeFolder(output)
        }
        Output.line("\(output): \(update.layers.count) layers, rank \(Swift.max(update.rank, 1))")
    }
}
