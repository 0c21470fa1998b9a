import Charts
import Formats
import Foundation

/// docs/Guide.md and its charts, drawn from the journals alone.
package struct Report {
    /// Where Guide.md is; its journals and charts lie in `guide` there.
    package let folder: String
    /// In the order of the tables.
    package let methods: [String]

    package init(folder: String, methods: [String]) {
        self.folder = folder
        self.methods = methods
    }

    package func journalPath(_ experiment: Experiment, _ side: Side) -> String {
        let name = (side == .ours ? "journal" : "reference") + (experiment == .quick ? "-quick" : "")
        return "\(folder)/guide/\(name).jsonl"
    }

    /// Writes the page and the charts of what is there.
    package func write() throws {
        try Folder.make("\(folder)/guide")
        var text = Report.introduction
        for experiment in [Experiment.quick, .tenEpochs] {
            let ours = try Journal(journalPath(experiment, .ours)).current(order: methods)
            let reference = try Journal(journalPath(experiment, .reference)).current(order: methods)
            guard !ours.isEmpty || !reference.isEmpty else { continue }
            text += Report.heading(experiment) + ResultTable.summary(ours, reference: reference)
            if experiment == .tenEpochs {
                text += try writeCharts(ours)
                for (method, runs) in ours {
                    for run in runs {
                        let title = runs.count > 1 ? "\(method), seed \(run.seed)" : method
                        text += "\n### \(title)\n\n" + ResultTable.epochs(run.result)
                    }
                }
            }
            text += "\n### Settings\n\n" + ResultTable.settings(ours)
        }
        try AtomicFile.write(text, to: "\(folder)/Guide.md")
    }

    /// - Returns: the Markdown that shows them.
    private func writeCharts(_ all: [ResultTable.Runs]) throws -> String {
        let measures: [(file: String, title: String, value: (RunResult.Epoch) -> Double?)] = [
            ("loss", "Validation loss", \.validLoss), ("auc", "Validation ROC AUC", \.auc),
            ("accuracy", "Validation accuracy", \.accuracy),
        ]
        var text = "\n"
        for measure in measures {
            let series = all.compactMap { method, runs in
                runs.first.map { run in
                    LineChart.Series(
                        method, color: methods.firstIndex(of: method) ?? methods.count,
                        points: run.result.epochs.compactMap { epoch in
                            measure.value(epoch).map { (Double(epoch.epoch), $0) }
                        })
                }
            }
            let chart = LineChart(title: measure.title, xLabel: "Epoch", series: series)
            try AtomicFile.write(chart.svg, to: "\(folder)/guide/\(measure.file).svg")
            text += "![\(measure.title) of each method by epoch](guide/\(measure.file).svg)\n"
        }
        return text
    }

    private static let introduction = """
        # The methods compared

        Every method trains SmolLM2-135M-Instruct (Q4_1) on the demo's film reviews: 400 rows to train, 200 to validate, 400
        to test, two labels. The learning rate falls linearly to 0; there is no warm-up, clipping or weight decay. The test
        rows are classified by the adapter of the epoch with the lowest validation loss. Speed is that of training alone, in
        the fastest epoch; memory is the peak of the process.

            make guide              # ten epochs, one row a step
            make guide QUICK=1      # three epochs, batches of eight, three seeds

        `METHODS=LoRA,IA3` and `SEEDS=0,1` run parts; what has been run stands in [guide](guide) and is not run again.
        `REFERENCE=1` runs torch + peft with the same settings instead. This page is written by these commands.

        """

    private static func heading(_ experiment: Experiment) -> String {
        switch experiment {
        case .quick:
            "\n## Three epochs, batches of eight\n\n"
                + "Means over the seeds; the test accuracy with the 95 % interval of its mean (Student's t).\n\n"
        case .tenEpochs: "\n## Ten epochs, one row a step\n\n"
        }
    }
}
