import Adapters
import ArgumentParser
import Engine
import Formats
import Foundation
import Models
import Terminal
import Training

extension StorageType: ExpressibleByArgument {
    public init?(argument: String) {
        guard let type = StorageType.writable.first(where: { $0.name.lowercased() == argument.lowercased() }) else {
            return nil
        }
        self = type
    }

    public static var allValueStrings: [String] { writable.map { $0.name.lowercased() } }
}

struct Merge: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Add an adapter to its base, and write the sum as a model.",
        discussion: """
            Merging computes in float32; what a storage type then rounds is measured on some texts and printed. Methods that \
            are more than a change of weights cannot be merged.
            """)

    @OptionGroup var adapter: AdapterOptions
    @Option(help: "A GGUF file (its name ends in .gguf), or a folder for a Hugging Face model.") var output: String
    @Option(
        help: ArgumentHelp(
            "What matrices are stored as. (default: as in the base; q8_0 what was changed of a quantised one)"))
    var type: StorageType?
    @Option(help: "Texts to measure with: a file as of predict. (default: four sentences)") var data: String?
    @Flag(help: "Replace what is at --output.") var overwrite = false
    @Flag(help: "JSON on standard output.") var json = false

    private var isGGUF: Bool { output.lowercased().hasSuffix(".gguf") }

    func validate() throws {
        if !isGGUF, let type, !type.isInSafetensors {
            throw ValidationError(
                "--type \(type.name.lowercased()): a folder's safetensors have f32, f16 and bf16 only; a file .gguf has it"
            )
        }
    }

    func run() throws {
        let taken = isGGUF ? output : output + "/config.json"
        guard overwrite || !FileManager.default.fileExists(atPath: taken) else {
            throw AdapterError("there is a model already", place: output, remedy: "replace it with --overwrite")
        }
        try Folder.check(isGGUF ? URL(filePath: output).deletingLastPathComponent().path : output)
        let opened = try adapter.open()
        let paths = [output, opened.model.model.path].map { URL(filePath: $0).resolvingSymlinksInPath().path }
        guard paths[0] != paths[1] else {
            throw AdapterError("that is the base itself", place: output, remedy: "give another --output")
        }
        let examples = try examples(opened)
        let pool = adapter.threads.pool()
        let merged = try opened.model.merged(on: pool)
        let head = merged.head.map { (merged.tensors[$0], opened.labels) }
        let writer = ModelWriter(merged.model, as: type, head: head)
        let progress = Progress()
        func show(_ done: Int, _ total: Int) {
            progress.show(done, of: total, "writing tensor \(done + 1) of \(total)")
        }
        try isGGUF ? writer.writeGGUF(output, progress: show) : writer.writeFolder(output, progress: show)
        progress.clear()
        let written = try AdaptedModel(Model(output), method: nil, task: opened.task, seed: 0)
        let drift = try Drift(
            examples, before: Inference(opened.model, pool: pool), after: Inference(written, pool: pool))
        report(drift, of: written.model)
    }

    /// Rows to measure with.
    private func examples(_ opened: OpenedAdapter) throws -> [Example] {
        var maker = try adapter.maker(opened, maximumLength: nil)
        let own = [
            "The train leaves at seven, so we have to be at the station early.",
            "Water boils at a lower temperature on a mountain than by the sea.",
            "It was the worst evening of the year, and nobody could say why.",
            "She opened the letter, read it twice and began to smile.",
        ]
        let rows =
            try data.map(DataSource.texts)
            ?? own.enumerated().map { try DataSource.line($1.utf8, place: "sentence", line: $0) }
        guard !rows.isEmpty else { throw TrainingError("the file has no rows", place: data ?? "") }
        return try rows.map {
            try (opened.task == .causalLM ? maker.language($0) : maker.unlabelled($0)).behind(opened.model.prefix)
        }
    }

    private func report(_ drift: Drift, of model: Model) {
        let size = model.files.reduce(0) { total, file in
            total + ((try? FileManager.default.attributesOfItem(atPath: file)[.size] as? Int) ?? 0)
        }
        if json {
            var members: [JSON.Member] = [
                .init("output", .string(output)), .init("bytes", .integer(Int64(size))),
                .init("rows", .integer(Int64(drift.rows))), .init("logit_drift", .number(drift.logits)),
                .init("agreement", .number(drift.agreement)),
            ]
            if let perplexity = drift.perplexity {
                members += [
                    .init("perplexity_adapter", .number(perplexity.before)),
                    .init("perplexity_merged", .number(perplexity.after)),
                ]
            }
            return Output.line(JSON.object(members).text())
        }
        let types = model.storage.map { "\($0.tensors) \($0.type)" }.joined(separator: ", ")
        Output.line("\(output): \(Numbers.megabytes(size)), \(types)")
        Output.line(
            "beside the adapter, on \(drift.rows) rows: logits differ by \(String(format: "%.2g", drift.logits)) of the largest, "
                + "the most probable answer is the same in \(Numbers.fixed(100 * drift.agreement, 1)) %")
        if let perplexity = drift.perplexity {
            Output.line(
                "perplexity \(Numbers.fixed(perplexity.before, 4)) with the adapter, \(Numbers.fixed(perplexity.after, 4)) merged"
            )
        }
    }
}
