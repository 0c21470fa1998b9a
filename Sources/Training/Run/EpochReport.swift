import Formats

/// What an epoch came to.
package struct EpochReport: Equatable, Sendable {
    /// Counted from 1.
    package var epoch: Int
    package var trainLoss: Double
    package var valid: Evaluation?
    /// Of the training part alone.
    package var tokensPerSecond: Double
    /// Bytes.
    package var peakMemory: Int
    /// From the process's start to the end of the first step of this process.
    package var secondsToFirstStep: Double

    /// One line of `metrics.jsonl` and of `--json`.
    package var json: JSON {
        var members: [JSON.Member] = [
            .init("epoch", .integer(Int64(epoch))), .init("train_loss", .number(trainLoss)),
            .init("valid_loss", valid.map { .number($0.loss) } ?? nil),
        ]
        if let valid { members += valid.measures }
        members += [
            .init("tokens_per_second", .number(tokensPerSecond)),
            .init("peak_rss_mb", .number(ProcessMemory.megabytes(peakMemory))),
            .init("seconds_to_first_step", .number(secondsToFirstStep)),
        ]
        return .object(members)
    }
}

extension Evaluation {
    /// What is measured beside the loss, under the names of `--json`.
    package var measures: [JSON.Member] {
        func number(_ value: Double?) -> JSON { value.map(JSON.number) ?? nil }
        if perplexity != nil { return [.init("perplexity", number(perplexity))] }
        return [
            .init("roc_auc", number(rocAUC)), .init("accuracy", number(accuracy)), .init("macro_f1", number(macroF1)),
        ]
    }
}
