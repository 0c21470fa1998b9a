import Adapters
import ArgumentParser
import Formats
import Foundation
import Models
import Terminal

struct Import: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Make an adapter of another program one of ours.",
        discussion: """
            Takes a folder of PEFT of any method that there is a plugin for, a GGUF file of LoRA (llama.cpp), or a folder of LoRA \
            (MLX). What is written runs without the plugin, and knows its base.
            """)

    @Argument(help: "The adapter: a folder, or a .gguf file.") var source: String
    @Option(help: "The base that it was trained on.") var model: String
    @Option(help: "The folder to write.") var output: String
    @Option(help: "Names of a classifier's labels between commas, in the order of their numbers.") var labels: String?
    @OptionGroup var tracing: TracingOptions
    @Flag(help: "Replace what is at --output.") var overwrite = false

    func run() throws {
        guard overwrite || !FileManager.default.fileExists(atPath: output + "/adapter_config.json") else {
            throw AdapterError("there is an adapter already", place: output, remedy: "replace it with --overwrite")
        }
        try Folder.check(output)
        let scratch = FileManager.default.temporaryDirectory.appending(path: "peft-host-import-\(UUID().uuidString)")
            .path
        defer { try? FileManager.default.removeItem(atPath: scratch) }
        let adapter = try AdapterImport(
            source, base: Model(model), labels: labels?.split(separator: ",").map(String.init) ?? [],
            search: tracing.pinned, in: tracing.isolation, scratch: scratch, warn: Message.warn)
        try adapter.write(to: output)
        Output.line("\(output): \(adapter.summary), from \(adapter.form.rawValue)")
    }
}
