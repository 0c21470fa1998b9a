import Formats
import Foundation

/// The tables of docs/Guide.md, in Markdown.
package enum ResultTable {
    package typealias Runs = (method: String, runs: [Journal.Entry])

    /// One row a method: of several seeds the means, of the test accuracy with its interval.
    ///
    /// - Parameter reference: runs of torch + peft with the same methods; empty for a table without them.
    package static func summary(_ ours: [Runs], reference: [Runs]) -> String {
        let theirs = Dictionary(uniqueKeysWithValues: reference.map { ($0.method, $0.runs.map(\.result)) })
        let names = ours.map(\.method) + reference.map(\.method).filter { name in !ours.contains { $0.method == name } }
        let runs = Dictionary(uniqueKeysWithValues: ours.map { ($0.method, $0.runs.map(\.result)) })
        var table = Table([
            "Method", "Parameters", "AUC best", "AUC last", "Accuracy best", "Accuracy last", "Test accuracy",
        ])
        if !reference.isEmpty { table.columns.append("of torch + peft") }
        // Speeds of two programs are compared side by side, by `make bench`, not from runs of different hours.
        table.columns += ["tokens/s", "Memory, MB", "Adapter, MB", "Seeds"]
        for name in names {
            let (own, other) = (runs[name] ?? [], theirs[name] ?? [])
            func mean(_ digits: Int, _ results: [RunResult]? = nil, _ value: (RunResult) -> Double?) -> String {
                Sample((results ?? own).map(value)).mean.map { String(format: "%.\(digits)f", $0) } ?? "–"
            }
            var row = [
                name, own.last?.trainable.grouped ?? other.last?.trainable.grouped ?? "–",
                mean(4) { $0.best(\.auc) }, mean(4) { $0.last(\.auc) }, mean(4) { $0.best(\.accuracy) },
                mean(4) { $0.last(\.accuracy) }, Sample(own.map(\.testAccuracy)).text(digits: 4),
            ]
            if !reference.isEmpty { row.append(Sample(other.map(\.testAccuracy)).text(digits: 4)) }
            row += [
                mean(0, own, \.tokensPerSecond), mean(0, own, \.peakMemory),
                mean(2) { Double($0.adapterBytes) / 1_048_576 },
                reference.isEmpty ? String(own.count) : "\(own.count), \(other.count)",
            ]
            table.rows.append(row)
        }
        return table.markdown
    }

    /// What each method was run with.
    package static func settings(_ ours: [Runs]) -> String {
        var table = Table(["Method", "Plugin", "Options", "Learning rate"], leading: 3)
        for (method, runs) in ours {
            guard let settings = runs.last?.settings else { continue }
            let options = (settings["options"]?.members ?? []).map {
                "`\($0.key)=\($0.value.string ?? $0.value.text())`"
            }
            table.rows.append([
                method, settings["plugin"]?.string ?? "–",
                options.isEmpty ? "defaults" : options.joined(separator: " "),
                settings["learning_rate"]?.double.map { "\($0)" } ?? "–",
            ])
        }
        return table.markdown
    }

    /// One row an epoch, of one run.
    package static func epochs(_ result: RunResult) -> String {
        var table = Table(["Epoch", "Training Loss", "Validation Loss", "ROC AUC", "Accuracy"], leading: 0)
        for epoch in result.epochs {
            table.rows.append(
                [String(epoch.epoch)]
                    + [epoch.trainLoss, epoch.validLoss, epoch.auc, epoch.accuracy].map {
                        $0.map { String(format: "%.4f", $0) } ?? "–"
                    })
        }
        return table.markdown
    }
}

/// A Markdown table: the first columns are aligned to the left, the others to the right.
private struct Table {
    var columns: [String]
    var rows: [[String]] = []
    private let leading: Int

    init(_ columns: [String], leading: Int = 1) {
        self.columns = columns
        self.leading = leading
    }

    var markdown: String {
        let rule = columns.indices.map { $0 < leading ? "---" : "---:" }
        return ([columns, rule] + rows).map { "| \($0.joined(separator: " | ")) |\n" }.joined()
    }
}
