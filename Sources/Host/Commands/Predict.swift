import Adapters
import ArgumentParser
import Engine
import Formats
import Foundation
import Models
import Programs
import Terminal
import Training

/// An adapter on its base.
struct AdapterOptions: ParsableArguments {
    @Option(help: "The adapter's folder, or NAME@TAG of the registry.") var adapter: String
    @Option(help: "The base. (default: where it was when the adapter was trained)") var model: String?
    @OptionGroup var quantization: QuantizationOptions
    @Option(help: "A safetensors file with features of the rows, which a column features names.") var features: String?
    @OptionGroup var tracing: TracingOptions
    @OptionGroup var threads: ThreadOptions

    func open() throws -> OpenedAdapter {
        try OpenedAdapter(
            RegistryProgram.folder(adapter), modelPath: model, search: tracing.pinned, in: tracing.isolation,
            quantize: quantization.quantize,
            warn: Message.warn)
    }

    /// Turns rows into what the adapter reads.
    func maker(_ opened: OpenedAdapter, maximumLength: Int?) throws -> ExampleMaker {
        try ExampleMaker(
            reading: opened.model, behind: opened.model.prefix, maximumLength: maximumLength, features: features)
    }
}

extension ExampleMaker {
    /// Turns rows into what an adapter reads.
    ///
    /// - Parameter features: the file that holds them.
    fileprivate init(
        reading model: AdaptedModel, behind prefix: RowPrefix, maximumLength: Int?, features: String?
    ) throws {
        let shape = model.method?.rowInputs[Features.name]?.shape.dropFirst().map(\.code)
        if features != nil, shape == nil { throw ValidationError("--features: the adapter reads no features of rows") }
        let features = try features.map { try Features($0, shape: shape) }
        try Features.check(model.method, features)
        try self.init(
            model.model, maximumLength: maximumLength, behind: prefix, truncates: true, features: features)
    }
}

struct Predict: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Classify texts with an adapter, or with one of several.",
        discussion: "Prints for each text its label, the probability of every label, and the text.")

    @OptionGroup var source: ModelOptions
    @Option(help: "A safetensors file with features of the rows, which a column features names.") var features: String?
    @Option(help: "Tokens of a text at most. (default: the model's context)") var maxLength: Int?
    @Flag(help: "One JSON line a text.") var json = false
    @Argument(
        help: "Files: .tsv, .csv and .jsonl have a column text, others one text a line. (default: standard input)")
    var files: [String] = []

    func validate() throws {
        if let maxLength, maxLength < 1 { throw ValidationError("--max-length \(maxLength): at least 1") }
        if source.adapter.isEmpty { throw ValidationError("give an --adapter") }
        if source.adapter.count > 1, features != nil { throw ValidationError("--features: for one --adapter") }
    }

    func run() throws {
        let opened = try source.adapters()
        for adapter in opened where adapter.task.labels == 0 {
            throw AdapterError(
                "it was trained for causal-lm, which has no labels to predict", place: adapter.stored.folder,
                remedy: "predict is for seq-cls adapters")
        }
        var classifier = try Classifier(self, opened)
        if files.isEmpty {
            // Each line is answered before the next is read: a program may wait for it.
            var line = 0
            while let bytes = StandardInput.line() {
                line += 1
                guard bytes.contains(where: { !$0.isWhiteSpace }) else { continue }
                try classifier.predict(
                    [DataSource.line(bytes, place: "standard input:\(line)", line: line)], show)
            }
        }
        for file in files { try classifier.predict(DataSource.texts(file), show) }
        let maker = classifier.maker
        if maker.truncated > 0 { Message.warn("\(maker.truncated) texts were cut to \(maker.maximumLength) tokens") }
    }

    private func show(_ text: String, _ adapter: String?, _ probabilities: [Double], _ labels: [String]) {
        let best = probabilities.indices.max { probabilities[$0] < probabilities[$1] } ?? 0
        let line: String
        if json {
            let all = zip(labels, probabilities).map { JSON.Member($0, .number($1)) }
            let members: [JSON.Member] = [
                .init("label", .string(labels[best])), .init("probabilities", .object(all)),
                .init("text", .string(text)),
            ]
            line = JSON.object((adapter.map { [.init("adapter", .string($0))] } ?? []) + members).text()
        } else {
            let all = zip(labels, probabilities).map { "\($0) \(Numbers.fixed($1, 3))" }.joined(separator: "  ")
            line = "\(labels[best])\t\(all)\t\(adapter.map { $0 + "\t" } ?? "")\(text)"
        }
        Output.line(line)
    }
}

/// Tells the labels of rows, each by its own adapter.
private struct Classifier {
    private(set) var maker: ExampleMaker
    private let choice: AdapterChoice
    private let labels: [[String]]
    private let run: ([(member: Int, example: Example)]) throws -> [[Float]]

    init(_ options: Predict, _ opened: [OpenedAdapter]) throws {
        labels = opened.map(\.labels)
        let names = options.source.adapter.map { NamedFolder($0).name }
        let pool = options.source.threads.pool()
        maker = try ExampleMaker(
            reading: opened[0].model, behind: opened.map(\.model.prefix).max { $0.count < $1.count }!,
            maximumLength: options.maxLength, features: options.features)
        guard opened.count > 1 else {
            choice = AdapterChoice(alone: names[0], opened[0].model)
            // The one adapter may read features, and what all rows begin with is computed once.
            let inference = Inference(opened[0].model, pool: pool)
            run = { rows in
                let result = try inference.run(Batch(rows.map(\.example), scale: 0, weight: { _ in 0 }))
                return rows.indices.map { Array(result.logits($0)) }
            }
            return
        }
        choice = try AdapterChoice(names, opened.map(\.model))
        let inference = try MixedInference(choice.model, pool: pool)
        run = { rows in
            try inference.run(rows.map { MixedModel.Row(member: $0.member, tokens: $0.example.tokens) })
        }
    }

    /// - Parameter show: gets each text, the adapter's name where there are several, and the labels' probabilities.
    mutating func predict(
        _ texts: [DataSource.Row], _ show: (String, String?, [Double], [String]) -> Void
    ) throws {
        var rows: [(member: Int, example: Example)] = []
        for text in texts {
            let member = try choice.number(of: text.record["adapter"]?.string, place: text.place)
            rows.append((member, try maker.unlabelled(text).behind(choice.model.members[member].prefix)))
        }
        var row = 0
        for group in Evaluation.groups(rows.map(\.example)) {
            let part = Array(rows[row..<row + group.count])
            for (member, logits) in zip(part.map(\.member), try run(part)) {
                let probabilities = Classification.softmax([logits.map(Double.init)])[0]
                show(
                    try maker.text(texts[row], "text"), choice.names.count > 1 ? choice.names[member] : nil,
                    probabilities, labels[member])
                row += 1
            }
        }
    }
}
