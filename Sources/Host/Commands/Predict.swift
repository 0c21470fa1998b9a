import Adapters
import ArgumentParser
import Engine
import Formats
import Foundation
import Models
import Training

/// An adapter on its base.
struct AdapterOptions: ParsableArguments {
    @Option(help: "The adapter's folder.") var adapter: String
    @Option(help: "The base. (default: where it was when the adapter was trained)") var model: String?
    @OptionGroup var quantization: QuantizationOptions
    @Option(help: "A safetensors file with features of the rows, which a column features names.") var features: String?
    @OptionGroup var tracing: TracingOptions
    @OptionGroup var threads: ThreadOptions

    func open() throws -> OpenedAdapter {
        try OpenedAdapter(
            adapter, modelPath: model, search: tracing.pinned, in: tracing.isolation, quantize: quantization.quantize,
            warn: Message.warn)
    }

    /// Turns rows into what the adapter reads.
    func maker(_ opened: OpenedAdapter, maximumLength: Int?) throws -> ExampleMaker {
        let shape = opened.model.method?.rowInputs[Features.name]?.shape.dropFirst().map(\.code)
        if features != nil, shape == nil { throw ValidationError("--features: the adapter reads no features of rows") }
        let features = try features.map { try Features($0, shape: shape) }
        try Features.check(opened.model.method, features)
        return try ExampleMaker(
            opened.model.model, maximumLength: maximumLength, behind: opened.model.prefix, truncates: true,
            features: features)
    }
}

struct Predict: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Classify texts with an adapter.",
        discussion: "Prints for each text its label, the probability of every label, and the text.")

    @OptionGroup var adapter: AdapterOptions
    @Option(help: "Tokens of a text at most. (default: the model's context)") var maxLength: Int?
    @Flag(help: "One JSON line a text.") var json = false
    @Argument(
        help: "Files: .tsv, .csv and .jsonl have a column text, others one text a line. (default: standard input)")
    var files: [String] = []

    func validate() throws {
        if let maxLength, maxLength < 1 { throw ValidationError("--max-length \(maxLength): at least 1") }
    }

    func run() throws {
        let opened = try adapter.open()
        guard opened.task.labels > 0 else {
            throw AdapterError(
                "it was trained for causal-lm, which has no labels to predict", place: adapter.adapter,
                remedy: "predict is for seq-cls adapters")
        }
        var maker = try adapter.maker(opened, maximumLength: maxLength)
        let inference = Inference(opened.model, pool: adapter.threads.pool())
        func predict(_ texts: [DataSource.Row]) throws {
            let examples = try texts.map { try maker.unlabelled($0).behind(opened.model.prefix) }
            var row = 0
            for group in Evaluation.groups(examples) {
                let result = try inference.run(Batch(group, scale: 0, weight: { _ in 0 }))
                for place in group.indices {
                    let probabilities = Classification.softmax([result.logits(place).map(Double.init)])[0]
                    show(try maker.text(texts[row], "text"), probabilities, opened.labels)
                    row += 1
                }
            }
        }
        if files.isEmpty {
            // Each line is answered before the next is read: a program may wait for it.
            var line = 0
            while let bytes = StandardInput.line() {
                line += 1
                guard bytes.contains(where: { !$0.isWhiteSpace }) else { continue }
                try predict([DataSource.line(bytes, place: "standard input:\(line)", line: line)])
            }
        }
        for file in files { try predict(DataSource.texts(file)) }
        if maker.truncated > 0 { Message.warn("\(maker.truncated) texts were cut to \(maker.maximumLength) tokens") }
    }

    private func show(_ text: String, _ probabilities: [Double], _ labels: [String]) {
        let best = probabilities.indices.max { probabilities[$0] < probabilities[$1] } ?? 0
        let line: String
        if json {
            let all = zip(labels, probabilities).map { JSON.Member($0, .number($1)) }
            let object: JSON = ["label": .string(labels[best]), "probabilities": .object(all), "text": .string(text)]
            line = object.text()
        } else {
            let all = zip(labels, probabilities).map { "\($0) \(Numbers.fixed($1, 3))" }.joined(separator: "  ")
            line = "\(labels[best])\t\(all)\t\(text)"
        }
        Output.line(line)
    }
}

struct Evaluate: ParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Measure an adapter on labelled rows.")

    @OptionGroup var adapter: AdapterOptions
    @Option(help: "The rows: a .tsv, .csv or .jsonl file.") var data: String
    @Option(help: "Tokens of a row at most. (default: the model's context)") var maxLength: Int?
    @Flag(help: "JSON on standard output.") var json = false

    func validate() throws {
        if let maxLength, maxLength < 2 { throw ValidationError("--max-length \(maxLength): at least 2") }
    }

    func run() throws {
        let opened = try adapter.open()
        var maker = try adapter.maker(opened, maximumLength: maxLength)
        let rows = try DataSource.rows(data)
        guard !rows.isEmpty else { throw TrainingError("the file has no rows", place: data) }
        let examples = try rows.map {
            try (opened.task == .causalLM ? maker.language($0) : maker.classification($0, labels: opened.labels))
                .behind(opened.model.prefix)
        }
        if maker.truncated > 0 { Message.warn("\(maker.truncated) rows were cut to \(maker.maximumLength) tokens") }
        let inference = Inference(
            opened.model, capacity: Evaluation.capacity(examples), pool: adapter.threads.pool())
        let result = try Evaluation(examples, inference, labels: opened.task.labels)
        if json {
            let members =
                [.init("rows", .integer(Int64(result.rows))), .init("loss", .number(result.loss))] + result.measures
            return Output.line(JSON.object(members).text())
        }
        Output.line("rows \(result.rows)")
        Output.line("loss \(Numbers.fixed(result.loss, 4))")
        for measure in result.measures where !measure.value.isNull {
            Output.line("\(measure.key) \(Numbers.fixed(measure.value.double, 4))")
        }
    }
}
