import Formats

/// What a finished run came to.
package struct RunResult: Equatable, Sendable {
    /// One row of the validation after an epoch; nil where a number is not defined.
    package struct Epoch: Equatable, Sendable {
        package var epoch: Int
        package var trainLoss: Double?
        package var validLoss: Double?
        package var auc: Double?
        package var accuracy: Double?
        package var tokensPerSecond: Double?
    }

    package var epochs: [Epoch]
    /// Of the adapter of the epoch with the lowest validation loss.
    package var testAccuracy: Double
    package var trainable: Int
    package var adapterBytes: Int
    /// MB of 2^20 bytes.
    package var peakMemory: Double
    /// From beginning to end, evaluations included.
    package var seconds: Double
    /// The lines of the epochs and the measures of the test, as they were printed.
    private var printed: [JSON]
    private var printedTest: JSON

    /// Reads the lines that `peft-host train --json` prints, and the reference likewise.
    ///
    /// - Parameter adapterBytes: nil where the last line says it.
    /// - Throws: `GuideError` where one is missing.
    package init(epochs lines: [JSON], last: JSON, adapterBytes: Int?, seconds: Double) throws(GuideError) {
        guard !lines.isEmpty, let test = last["test"], let accuracy = test["accuracy"]?.double,
            let trainable = last["trainable"]?.int, let peak = last["peak_rss_mb"]?.double,
            let bytes = adapterBytes ?? last["adapter_bytes"]?.int
        else { throw GuideError("the run printed no result of the test rows, or left no adapter") }
        epochs = lines.map {
            Epoch(
                epoch: $0["epoch"]?.int ?? 0, trainLoss: $0["train_loss"]?.double, validLoss: $0["valid_loss"]?.double,
                auc: $0["roc_auc"]?.double, accuracy: $0["accuracy"]?.double,
                tokensPerSecond: $0["tokens_per_second"]?.double)
        }
        testAccuracy = accuracy
        self.trainable = trainable
        self.adapterBytes = bytes
        peakMemory = peak
        self.seconds = seconds
        (printed, printedTest) = (lines, test)
    }

    /// As a journal keeps it.
    package var members: [JSON.Member] {
        [
            .init("epochs", .array(printed)), .init("test", printedTest),
            .init("trainable", .integer(Int64(trainable))),
            .init("adapter_bytes", .integer(Int64(adapterBytes))), .init("peak_rss_mb", .number(peakMemory)),
            .init("seconds", .number(seconds)),
        ]
    }

    /// Training tokens a second of the fastest epoch: what else the machine had to do slows epochs down, nothing speeds one up.
    package var tokensPerSecond: Double? { best(\.tokensPerSecond) }

    package func best(_ value: (Epoch) -> Double?) -> Double? { epochs.compactMap(value).max() }
    package func last(_ value: (Epoch) -> Double?) -> Double? { epochs.last.flatMap(value) }
}
