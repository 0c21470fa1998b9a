import Adapters
import ArgumentParser
import Formats
import Foundation
import Models
import Terminal
import Training

struct Plan: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Count what a method would train, and forecast its memory, without weights.",
        discussion: """
            peft-host plan --config config.json --plugin LoRA -o r=1 --task seq-cls

            Hyperparameters that follow from a run need not be given. The forecast is that of train for rows of \
            --max-length tokens; a config.json's weights are those of its dtype.
            """)

    @OptionGroup var method: PluginOptions
    @Option(help: "The base's config.json; no weights are needed.") var config: String?
    @Option(help: "The base itself, instead: a GGUF file or a Hugging Face folder.") var model: String?
    @Option(help: "What to learn: seq-cls (which adds its head) or causal-lm.") var task = TaskOption.causalLM
    @Option(help: "Classes of seq-cls. (default: 2)") var numLabels: Int?
    @Option(help: "Rows of a batch.") var batchSize = 8
    @Option(help: "Tokens of every row.") var maxLength = 128
    @Flag(help: "One JSON object on standard output.") var json = false

    func validate() throws {
        if (config == nil) == (model == nil) { throw ValidationError("--config or --model: one of them") }
        if let numLabels {
            if task == .causalLM { throw ValidationError("--num-labels is for --task seq-cls") }
            if !(2...65536).contains(numLabels) { throw ValidationError("--num-labels \(numLabels): 2 to 65536") }
        }
        for (name, value, least) in [("batch-size", batchSize, 1), ("max-length", maxLength, 2)]
        where !(least...Plan.mostTokens).contains(value) {
            throw ValidationError("--\(name) \(value): \(least) to \(Plan.mostTokens)")
        }
        if batchSize * maxLength > Plan.mostTokens {
            throw ValidationError(
                "--batch-size \(batchSize) × --max-length \(maxLength): at most \(Plan.mostTokens) tokens")
        }
        _ = try method.parsedOptions()
    }

    /// Of a batch: what no run on this host would come near, and no product of sizes overflows with.
    private static let mostTokens = 1 << 20

    func run() throws {
        let code = ProcessMemory.files
        let library = try method.library()
        let base = try config.map { try ModelOutline(config: $0) } ?? ModelOutline(Model(model!))
        let learned: Task = task == .causalLM ? .causalLM : .sequenceClassification(labels: numLabels ?? 2)
        guard maxLength <= base.configuration.context else {
            throw TrainingError(
                "\(maxLength) tokens, more than the model's context of \(base.configuration.context)",
                place: "--max-length", remedy: "give fewer")
        }
        // Counts do not depend on a text's ids, only on how many virtual tokens are asked for.
        let traced = try method.trace(
            library, model: base.configuration, tokenize: { _ in [0] }, task: learned
        ) { $0.fillDerived() }
        let program = try AdaptedProgram(base.configuration, method: traced.program, task: learned)
        guard maxLength + program.prefix.count <= base.configuration.context else {
            throw TrainingError(
                "\(program.prefix.count) virtual tokens and rows of \(maxLength) are more than the model's context of "
                    + "\(base.configuration.context)", place: "--max-length", remedy: "give fewer of either")
        }
        let count = TrainableCount(program, of: base)
        let adapter = AdapterWriter.fileSize(program)
        let forecast = try Forecast(
            program, weights: base.weightBytes, table: base.tableBytes, rows: batchSize, length: maxLength,
            process: ProcessMemory.anonymous + code)
        if json {
            let line: JSON = [
                "trainable": .integer(Int64(count.trainable)), "all": .integer(Int64(count.all)),
                "adapter_bytes": .integer(Int64(adapter)), "memory_bytes": .integer(Int64(forecast.total)),
            ]
            return Output.line(line.text())
        }
        Output.line(count.frozenText)
        Output.line(count.text)
        Output.line("adapter: \(adapter.grouped) bytes")
        Output.line(
            "memory forecast: \(Numbers.text(forecast)) for batches of \(batchSize) rows of \(maxLength) tokens")
    }
}
