import Adapters
import ArgumentParser
import Engine
import Formats
import Foundation
import Models
import PluginHost
import Programs
import Terminal
import Training

struct Train: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Train an adapter.",
        discussion: """
            peft-host --plugin LoRA train --model SmolLM2-135M-Instruct.Q4_1.gguf --data reviews/ --task seq-cls \\
                -o r=1 --output adapters/reviews
            """)

    @OptionGroup var method: PluginOptions
    @Option(help: "The frozen base: a GGUF file or a Hugging Face folder.") var model: String
    @OptionGroup var quantization: QuantizationOptions
    @Option(help: "A folder with train, valid and test (.tsv, .csv or .jsonl), or one file with --split.") var data:
        String
    @Option(help: "A safetensors file with features of the rows, which a column features names.") var features: String?
    @Option(help: "What to learn: seq-cls or causal-lm.") var task: TaskOption
    @Option(help: "The adapter's folder.") var output: String

    @Option(help: "Times that all rows are seen.") var epochs = 3
    @Option(help: "Rows of a batch.") var batchSize = 8
    @Option(help: "Batches of an optimizer step.") var gradientAccumulationSteps = 1
    @Option(help: "Peak learning rate. (default: the method's own)") var learningRate: Double?
    @Option(help: "How the learning rate changes: constant, linear or cosine.") var schedule = Schedule.Kind.linear
    @Option(help: "Steps in which the learning rate rises from 0.") var warmupSteps = 0
    @Option(help: "Decoupled weight decay.") var weightDecay = 0.0
    @Option(help: "Clip gradients to this norm; 0: no clipping.") var maxGradNorm = 0.0
    @Option(help: "Fixes every random choice.") var seed: UInt64 = 0
    @Option(help: "none, or balanced: weigh each class by the inverse of its share.") var classWeights = ClassWeights
        .none
    @Option(help: "Draw validation (and test) rows from the training rows: shares such as 0.1 or 0.1,0.2.") var split:
        String?
    @Option(help: "Tokens of a row at most. (default: the model's context)") var maxLength: Int?
    @Flag(help: "Refuse rows that are too long instead of cutting them.") var noTruncate = false
    @Option(help: "Also write a checkpoint every so many steps.") var checkpointSteps = 0
    @Flag(help: "Go on at the last checkpoint; from the beginning where there is none.") var resume = false
    @Flag(help: "Replace the adapter that the output folder holds.") var overwrite = false
    @Option(
        help: "Take no more memory: 2G, 800M. Activations are then computed twice instead of kept, as far as needed.")
    var memoryLimit: ByteCount?
    @Option(help: "Take the adapter into the registry under this name, when it is trained.") var register: String?
    @Flag(help: "One JSON line an epoch on standard output.") var json = false
    @OptionGroup var threads: ThreadOptions

    enum ClassWeights: String, ExpressibleByArgument, CaseIterable { case none, balanced }

    func validate() throws {
        for (name, value, least) in [
            ("epochs", epochs, 1), ("batch-size", batchSize, 1),
            ("gradient-accumulation-steps", gradientAccumulationSteps, 1), ("warmup-steps", warmupSteps, 0),
            ("checkpoint-steps", checkpointSteps, 0), ("max-length", maxLength ?? 2, 2),
        ] where !(least...1_000_000_000).contains(value) {
            throw ValidationError("--\(name) \(value): at least \(least)")
        }
        for (name, value) in [
            ("learning-rate", learningRate ?? 1), ("weight-decay", weightDecay), ("max-grad-norm", maxGradNorm),
        ] where !(value.isFinite && value >= 0) {
            throw ValidationError("--\(name) \(value): a number from 0 up")
        }
        if resume, overwrite { throw ValidationError("--resume and --overwrite: one of them") }
        if output.isEmpty { throw ValidationError("--output is empty") }
        if let register,
            register.isEmpty || register.contains(where: { !$0.isLetter && !$0.isNumber && !".-_".contains($0) })
        {
            throw ValidationError("--register \(register): letters, digits, '.', '-' and '_'")
        }
        if seed > UInt64(Int64.max) { throw ValidationError("--seed \(seed): at most \(Int64.max)") }
        _ = try splitShares()
        _ = try method.parsedOptions()
    }

    func run() throws {
        let started = ProcessStart.date
        let code = ProcessMemory.files
        let library = try findPlugin()
        // Looked for before any work.
        if register != nil { _ = try RegistryProgram.path() }
        try OutputFolder.check(output, resumes: resume, overwrites: overwrite)
        let base = try Model(model)
        if features != nil, !library.manifest.capabilities.contains(.rowInputs) {
            throw ValidationError("--features: \(library.manifest.id) reads no features of rows")
        }
        let maker = try ExampleMaker(
            base, maximumLength: maxLength, truncates: !noTruncate, features: features.map { try Features($0) })
        let source = try DataSource(data, split: try splitShares(), seed: seed)
        var splits = try DataSplits(source, maker, classifies: task == .sequenceClassification)
        if splits.truncated > 0 { Message.warn("\(splits.truncated) rows were cut to \(maker.maximumLength) tokens") }

        let learned: Task = task == .causalLM ? .causalLM : .sequenceClassification(labels: splits.labels.count)
        var options = trainingOptions(defaultRate: library.manifest.defaultLearningRate)
        options.maximumLength = maker.maximumLength
        let steps = BatchPlan(splits.train, options, labels: learned.labels).totalSteps
        let traced = try method.trace(library, model: base.configuration, tokenize: base.tokenize, task: learned) {
            $0.derive("total_step", .integer(steps))
            $0.derive("learning_rate", .number(options.learningRate))
            if let size = splits.features?.shape?.last { $0.derive("feature_size", .integer(size)) }
        }
        if let end = traced.fields.first(where: { $0.key == "total_step" })?.value.int, end != steps {
            let effect = end > steps ? "its schedule is cut short" : "its schedule ends early"
            Message.warn("total_step is \(end), and the run has \(steps) steps: \(effect)")
        }
        try Features.check(traced.program, splits.features)
        try quantization.quantize(base)
        let adapted = try AdaptedModel(base, method: traced.program, task: learned, seed: seed)
        splits = try splits.behind(adapted.prefix, context: base.configuration.context)
        let count = TrainableCount(adapted.program, of: ModelOutline(base))
        show(count.frozenText)
        show(count.text)

        let plan = BatchPlan(splits.train, options, labels: learned.labels)
        options.recomputed = try checkMemory(adapted, plan, splits, code: code)
        var sidecar = try Sidecar(adapted, traced, labels: splits.labels, options: options.json)
        let dataHash = DataHash.of(splits)
        sidecar.dataSHA256 = dataHash
        let writer = AdapterWriter(adapted, traced, sidecar: sidecar)
        // The data last: what they come to depends on the options before.
        let identity: JSON = [
            "base": .string(sidecar.baseFingerprint), "quantize": .string(sidecar.quantization.rawValue),
            "task": .string(learned.name),
            "plugin": .string(sidecar.pluginID), "settings": .object(traced.fields), "options": options.json,
            "program": .string(SHA256.of(traced.program.encode())),
            "data": .string(dataHash),
        ]
        try OutputFolder.prepare(output, resumes: resume)

        let pool = threads.pool()
        let run = TrainingRun(
            adapted, splits, options, output: output, identity: identity, pool: pool, started: started
        ) { try writer.write(to: $0) }
        let view = TrainView(task: learned, json: json)
        Interrupt.watch()
        do {
            try run.run(resumes: resume, shouldStop: { Interrupt.happened }, view.show)
            try finish(adapted, splits, view, run.inference, pool)
        } catch is Interrupted {
            view.clear()
            Message.note("interrupted: the last checkpoint is kept; go on with --resume")
            throw ExitCode(130)
        }
    }

    /// Training needs the plugin, also where it goes on: the adapter is written as the plugin reads it.
    private func findPlugin() throws -> PluginLibrary {
        do {
            return try method.library()
        } catch let error as PluginError
            where error.code == .notFound && resume
            && FileManager.default.fileExists(atPath: "\(output)/method.program")
        {
            throw PluginError(
                .notFound, error.message, place: error.place,
                remedy:
                    "to go on training, put it back (\(error.remedy)); the adapter in \(output) is complete as of its last "
                    + "epoch, and predict and evaluate run it without the plugin")
        }
    }

    /// The test row is that of the adapter that was kept, read back from its folder, which may hold it in another form than
    /// the one that was trained.
    private func finish(
        _ adapted: AdaptedModel, _ splits: DataSplits, _ view: TrainView, _ inference: Inference, _ pool: WorkerPool
    ) throws {
        let stored = try StoredAdapter(output)
        let isAsTrained = stored.program == adapted.method
        let kept =
            isAsTrained
            ? adapted
            : try AdaptedModel(adapted.model, method: stored.program, task: adapted.task, seed: adapted.seed)
        try stored.load(into: kept)
        let inference =
            isAsTrained ? inference : Inference(kept, capacity: Evaluation.capacity(splits.test), pool: pool)
        let test =
            splits.test.isEmpty
            ? nil
            : try Evaluation(
                splits.test, inference, labels: adapted.task.labels,
                shouldStop: { Interrupt.happened })
        if let test {
            let figures = [JSON.Member("loss", .number(test.loss))] + test.measures
            let named = JSON.object(figures.map { JSON.Member("test_" + $0.key, $0.value) })
            try keep(named.text() + "\n", in: output + "/test_results.json")
        }
        view.finish(test, adapter: output, trainable: adapted.tensors.trainedCount)
        if let register {
            Message.note("registered as \(try RegistryProgram.output(["add", output, "--name", register]))")
        }
    }

    /// A run that had ended before leaves the file as it is.
    private func keep(_ text: String, in path: String) throws {
        if try FileManager.default.fileExists(atPath: path) && MappedFile.content(path) == Array(text.utf8) { return }
        try AtomicFile.write(text, to: path)
    }

    private func trainingOptions(defaultRate: Double) -> TrainingOptions {
        var options = TrainingOptions()
        options.epochs = epochs
        options.batchSize = batchSize
        options.accumulation = gradientAccumulationSteps
        options.learningRate = learningRate ?? defaultRate
        options.schedule = schedule
        options.warmupSteps = warmupSteps
        options.weightDecay = weightDecay
        options.maximumNorm = maxGradNorm
        options.seed = seed
        options.balancesClasses = classWeights == .balanced
        options.checkpointSteps = checkpointSteps
        return options
    }

    private func splitShares() throws -> (valid: Double, test: Double)? {
        guard let split else { return nil }
        let shares = split.split(separator: ",").map { Double($0) ?? -1 }
        guard (1...2).contains(shares.count), shares.allSatisfy({ $0 >= 0 && $0 < 1 }), shares.reduce(0, +) < 1 else {
            throw ValidationError("--split \(split): one or two shares between 0 and 1, such as 0.1 or 0.1,0.2")
        }
        return (shares[0], shares.count == 2 ? shares[1] : 0)
    }

    /// Finds out whether the run fits into memory, and how much of the model must be computed twice for that.
    ///
    /// - Returns: ``TrainingOptions/recomputed``.
    private func checkMemory(
        _ adapted: AdaptedModel, _ plan: BatchPlan, _ splits: DataSplits, code: Int
    ) throws -> Int {
        let process = ProcessMemory.anonymous + code
        func forecast(recomputed: Int) throws -> Forecast {
            try Forecast(
                adapted.program, weights: adapted.model.weightBytes, table: adapted.model.tableBytes,
                plan: plan, evaluated: splits.valid + splits.test, keepsRows: epochs > 1, recomputed: recomputed,
                process: process)
        }
        let (limit, name) =
            memoryLimit.map { ($0.bytes, "--memory-limit") } ?? (ProcessMemory.available, "the free memory")
        let plain = try forecast(recomputed: 0)
        show("memory forecast: \(Numbers.text(plain))")
        guard plain.total > limit else { return 0 }
        // Activations computed twice take time: as few as will do.
        let (graph, _, forward) = try GradientProgram.graph(of: adapted.program)
        let stretches = graph.stretches(forward: forward).count
        var (few, many) = (0, stretches)
        while many - few > 1 {
            let middle = (few + many) / 2
            if try forecast(recomputed: middle).total > limit { few = middle } else { many = middle }
        }
        let least = try forecast(recomputed: many)
        if least.total <= limit {
            show(
                "memory is short: \(many) of \(stretches) parts of the model are computed twice, which takes \(Numbers.text(least))"
            )
            return many
        }
        throw TrainingError(
            "the run needs about \(Numbers.megabytes(least.total)), more than \(name) of \(Numbers.megabytes(limit))",
            remedy: "a smaller --batch-size (with --gradient-accumulation-steps), a smaller --max-length or fewer "
                + "target modules would help")
    }

    /// For people; with --json standard output is JSON only.
    private func show(_ text: String) { json ? Message.note(text) : Output.line(text) }
}

extension Schedule.Kind: ExpressibleByArgument {}

/// A size in bytes as people write it: 800M, 2G, 1.5GiB.
struct ByteCount: ExpressibleByArgument {
    let bytes: Int

    init?(argument: String) {
        let digits = argument.prefix { $0.isNumber || $0 == "." }
        let units = ["": 1, "K": 1 << 10, "M": 1 << 20, "G": 1 << 30]
        let unit = argument.dropFirst(digits.count).uppercased().replacing("IB", with: "").replacing("B", with: "")
        guard let number = Double(digits), let factor = units[unit], number > 0, number < 1e9 else { return nil }
        bytes = Int(number * Double(factor))
    }
}
