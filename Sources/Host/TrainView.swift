import Formats
import Foundation
import Models
import Terminal
import Training

/// What a training run shows: a live line and a table for people, or JSON lines for programs.
final class TrainView {
    private let task: Task
    private let json: Bool
    private let progress = Progress()
    private let table: Table
    private var hasHeader = false

    init(task: Task, json: Bool) {
        self.task = task
        self.json = json
        let measures =
            task == .causalLM
            ? ["Perplexity"] : task.labels > 2 ? ["ROC AUC", "Accuracy", "Macro F1"] : ["ROC AUC", "Accuracy"]
        table = Table(
            [("Epoch", 5), ("Training Loss", 13), ("Validation Loss", 15)] + measures.map { ($0, 8) } + [
                ("tokens/s", 8)
            ])
    }

    func show(_ event: TrainingRun.Event) {
        switch event {
        case .resumed(let step, let total): Message.note("resumed at step \(step) of \(total)")
        case .step(let step, let total, let loss, let rate):
            progress.step(step, of: total, loss: loss, tokensPerSecond: rate)
        case .epoch(let report):
            progress.clear()
            if json { return Output.line(report.json.text()) }
            if !hasHeader { Output.line(table.header) }
            hasHeader = true
            Output.line(
                table.row(
                    [String(report.epoch), Numbers.fixed(report.trainLoss, 4), Numbers.fixed(report.valid?.loss, 4)]
                        + cells(report.valid) + [Numbers.fixed(report.tokensPerSecond, 0)]))
        }
    }

    func clear() { progress.clear() }

    func finish(_ test: Evaluation?, adapter: String, trainable: Int) {
        progress.clear()
        if json {
            let measured = test.map { JSON.object([.init("loss", .number($0.loss))] + $0.measures) } ?? .null
            let line: JSON = [
                "test": measured, "adapter": .string(adapter), "trainable": .integer(Int64(trainable)),
                "peak_rss_mb": .number(ProcessMemory.megabytes(ProcessMemory.peak)),
            ]
            return Output.line(line.text())
        }
        if let test {
            Output.line(table.row(["test", "", Numbers.fixed(test.loss, 4)] + cells(test) + [""]))
        }
        Output.line("peak memory \(Numbers.megabytes(ProcessMemory.peak)); adapter in \(adapter)")
    }

    private func cells(_ evaluation: Evaluation?) -> [String] {
        if task == .causalLM { return [Numbers.fixed(evaluation?.perplexity, 3)] }
        let both = [Numbers.fixed(evaluation?.rocAUC, 4), Numbers.fixed(evaluation?.accuracy, 4)]
        return task.labels > 2 ? both + [Numbers.fixed(evaluation?.macroF1, 4)] : both
    }
}
