import Formats
import Foundation
import GuideExperiment

/// One call of peft-guide: the runs that are missing, one after the other.
struct GuideRun {
    private let arguments: Arguments
    private let trainer: Trainer
    private let all: [GuideMethod]
    private let report: Report
    private var side: Side { arguments.reference == nil ? .ours : .reference }

    init(_ arguments: Arguments) throws {
        self.arguments = arguments
        trainer = Trainer(
            host: arguments.host, model: arguments.model, data: arguments.data, work: arguments.work,
            reference: arguments.reference)
        all = try GuideMethod.read(arguments.table)
        report = Report(folder: arguments.docs, methods: all.map(\.name))
    }

    /// - Returns: the exit code: 0, 1 where a run failed, 130 where Ctrl-C came.
    func run() throws -> Int32 {
        let wanted = try GuideMethod.select(arguments.methods, from: all)
        guard !arguments.onlyReports else {
            try report.write()
            return 0
        }
        ChildProcess.watchSignals()
        let (ready, missing) = try prepare(wanted)
        // What was asked for by name must be there.
        var failures = arguments.methods.isEmpty ? 0 : missing
        try Folder.make(arguments.docs + "/guide")
        let data = try Fingerprint.ofData(arguments.data)
        for seed in arguments.seeds ?? arguments.experiment.seeds {
            for (method, plugin) in ready {
                let settings = RunSettings(
                    method, arguments.experiment, side, seed: seed,
                    version: side == .ours ? plugin.version : "torch + peft",
                    learningRate: method.learningRate ?? plugin.learningRate,
                    model: URL(filePath: arguments.model).lastPathComponent, data: data)
                do {
                    try train(method, settings)
                } catch {
                    if ChildProcess.isInterrupted { break }
                    say("FAILED \(method.name), seed \(seed): \(error)")
                    failures += 1
                }
            }
            if ChildProcess.isInterrupted { break }
        }
        try report.write()
        if ChildProcess.isInterrupted {
            say("interrupted; the same command goes on here")
            return 130
        }
        say("\(arguments.docs)/Guide.md is written" + (failures > 0 ? "; \(failures) failed" : ""))
        return failures > 0 ? 1 : 0
    }

    /// The methods that can be run, and how many cannot.
    private func prepare(_ wanted: [GuideMethod]) throws -> (ready: [(GuideMethod, Trainer.Plugin)], missing: Int) {
        let plugins = try trainer.plugins()
        var ready: [(GuideMethod, Trainer.Plugin)] = []
        var notBuilt: [String] = []
        for method in wanted {
            if side == .reference, method.peft == nil {
                say("\(method.name) has no reference")
            } else if let plugin = plugins[method.plugin] {
                ready.append((method, plugin))
            } else if side == .reference, let rate = method.learningRate {
                ready.append((method, Trainer.Plugin(version: "", learningRate: rate)))
            } else {
                notBuilt.append(method.plugin)
            }
        }
        if !notBuilt.isEmpty { say("not built, so left out: \(notBuilt.joined(separator: ", "))") }
        return (ready, notBuilt.count)
    }

    private func train(_ method: GuideMethod, _ settings: RunSettings) throws {
        let name = "\(method.name), seed \(settings.seed)"
        var journal = try Journal(report.journalPath(arguments.experiment, side))
        guard !journal.has(settings.hash) else { return say("\(name): is in the journal") }
        say("\(name): \(arguments.experiment.epochs) epochs")
        let result = try trainer.run(settings, method) { line in
            let cells = [("loss", "train_loss"), ("valid", "valid_loss"), ("AUC", "roc_auc"), ("accuracy", "accuracy")]
                .map { "\($0) " + (line[$1]?.double.map { String(format: "%.4f", $0) } ?? "–") }
            say("    epoch \(line["epoch"]?.int ?? 0)  " + cells.joined(separator: "  "))
        }
        try journal.append(Journal.Entry(settings, result))
        try report.write()
        say("    test accuracy \(String(format: "%.4f", result.testAccuracy)), \(Int(result.seconds)) s")
    }
}
