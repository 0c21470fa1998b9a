import Models
import Programs

/// One row of the data as the model sees it.
package struct Example: Equatable, Sendable {
    /// Token ids.
    package var tokens: [Int32]
    /// Classification: the number of its label.
    package var label: Int32?
    /// Language modelling: which tokens the loss asks for (the first of a row is never asked).
    package var isTarget: [Bool]
    /// What a method reads beside the tokens.
    package var features: RowTensor?

    package init(tokens: [Int32], label: Int32? = nil, isTarget: [Bool] = []) {
        self.tokens = tokens
        self.label = label
        self.isTarget = isTarget
    }

    /// The row with places for a method's virtual tokens in front: the last of them predicts the row's first token.
    package func behind(_ prefix: RowPrefix) -> Example {
        var example = self
        example.tokens = prefix.before(tokens)
        if label == nil { example.isTarget = prefix.before(isTarget) }
        return example
    }

    /// How many predictions of this row count.
    package var targetCount: Int { label != nil ? 1 : isTarget.dropFirst().count { $0 } }
}

/// The rows that a run trains on and is measured by.
package struct DataSplits: Sendable {
    package var train: [Example]
    package var valid: [Example]
    package var test: [Example]
    /// Classification: the names of the labels, in the order of their numbers.
    package var labels: [String]
    /// Rows that were longer than the longest allowed, and were cut.
    package var truncated: Int
    /// The file of their features, with the shape that all have.
    package var features: Features?
}

extension DataSplits {
    /// The rows with places for a method's virtual tokens in front.
    ///
    /// - Parameter context: positions that the model has.
    /// - Throws: `TrainingError` where a row then is longer than the context.
    package func behind(_ prefix: RowPrefix, context: Int) throws(TrainingError) -> DataSplits {
        let longest = [train, valid, test].joined().map(\.tokens.count).max() ?? 0
        guard prefix.count == 0 || longest + prefix.count <= context else {
            throw TrainingError(
                "\(prefix.count) virtual tokens and a row of \(longest) are more than the model's context of \(context)",
                remedy: context - prefix.count < 2
                    ? "take fewer virtual tokens" : "cut the rows with --max-length \(context - prefix.count)")
        }
        var splits = self
        splits.train = train.map { $0.behind(prefix) }
        splits.valid = valid.map { $0.behind(prefix) }
        splits.test = test.map { $0.behind(prefix) }
        return splits
    }

    /// Reads and encodes all rows.
    ///
    /// - Parameter classifies: whether rows have labels (classification) or are texts to predict.
    /// - Throws: errors that name file and line.
    package init(_ source: DataSource, _ maker: ExampleMaker, classifies: Bool) throws {
        var maker = maker
        labels = classifies ? try ExampleMaker.labels(of: source.train) : []
        let names = labels
        func examples(_ rows: [DataSource.Row]) throws -> [Example] {
            try rows.map { try classifies ? maker.classification($0, labels: names) : maker.language($0) }
        }
        train = try examples(source.train)
        valid = try examples(source.valid)
        test = try examples(source.test)
        truncated = maker.truncated
        features = maker.features
    }
}
