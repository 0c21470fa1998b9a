import Adapters
import ArgumentParser
import Formats
import Models
import Terminal
import Training

struct Evaluate: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Measure an adapter on labelled rows, with intervals, and against another.",
        discussion: """
            Beside each figure is the interval in which 95 % of the figures of resampled rows lie (bootstrap, percentiles). ece is \
            the expected calibration error in 15 bins (Guo et al. 2017). Where rows have a column group, each group has its \
            figures, and gap is the largest difference between two. With --against, the difference to another adapter on the same \
            rows, its interval, and the chance of one so large if there were none (p).
            """)

    @OptionGroup var adapter: AdapterOptions
    @Option(help: "The rows: a .tsv, .csv or .jsonl file.") var data: String
    @Option(help: "Another adapter for the same task, measured on the same rows.") var against: String?
    @Option(help: "Tokens of a row at most. (default: the model's context)") var maxLength: Int?
    @Option(help: "Times that rows are resampled; 0: no intervals.") var resamples = 1000
    @Option(help: "Of the random numbers that rows are resampled with.") var seed: UInt64 = 0
    @Flag(help: "JSON on standard output.") var json = false

    func validate() throws {
        if let maxLength, maxLength < 2 { throw ValidationError("--max-length \(maxLength): at least 2") }
        if !(0...1_000_000).contains(resamples) { throw ValidationError("--resamples \(resamples): 0 or more") }
    }

    func run() throws {
        let opened = try adapter.open()
        let rows = try DataSource.rows(data)
        guard !rows.isEmpty else { throw TrainingError("the file has no rows", place: data) }
        let measured = try measure(opened, rows, warns: true)
        let report = EvaluationReport(
            measured, labels: opened.labels, groups: rows.map { $0.record["group"]?.label },
            Bootstrap(resamples: resamples, seed: seed))
        let difference = try against.map { other in
            let second = try OpenedAdapter(
                RegistryProgram.folder(other), modelPath: adapter.model, on: opened, search: adapter.tracing.pinned,
                in: adapter.tracing.isolation, quantize: adapter.quantization.quantize, warn: Message.warn)
            guard second.task == opened.task, second.labels == opened.labels else {
                throw AdapterError(
                    "it was trained for \(second.labels.isEmpty ? second.task.name : second.labels.joined(separator: ", "))",
                    place: other, remedy: "both must have learned the same labels")
            }
            return report.difference(to: try measure(second, rows, warns: false))
        }
        if json {
            let more: [JSON.Member] = difference.map { [.init("against", $0.json)] } ?? []
            return Output.line(JSON.object(report.members + more).text())
        }
        for line in report.lines { Output.line(line) }
        if let difference {
            Output.line("against \(against!):")
            for line in difference.lines { Output.line(line) }
        }
    }

    private func measure(_ opened: OpenedAdapter, _ rows: [DataSource.Row], warns: Bool) throws -> MeasuredRows {
        var maker = try adapter.maker(opened, maximumLength: maxLength)
        let examples = try rows.map {
            try (opened.task == .causalLM ? maker.language($0) : maker.classification($0, labels: opened.labels))
                .behind(opened.model.prefix)
        }
        if warns, maker.truncated > 0 {
            Message.warn("\(maker.truncated) rows were cut to \(maker.maximumLength) tokens")
        }
        let inference = Inference(
            opened.model, capacity: Evaluation.capacity(examples), pool: adapter.threads.pool())
        return try MeasuredRows(examples, inference, classes: opened.task.labels)
    }
}

extension JSON {
    /// A name, or a number as one.
    fileprivate var label: String? { string ?? int.map(String.init) }
}
