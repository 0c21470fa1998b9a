/// One row of the data as the model sees it.
package struct Example: Equatable, Sendable {
    /// Token ids.
    package var tokens: [Int32]
    /// Classification: the number of its label.
    package var label: Int32?
    /// Language modelling: which tokens the loss asks for (the first of a row is never asked).
    package var isTarget: [Bool]

    package init(tokens: [Int32], label: Int32? = nil, isTarget: [Bool] = []) {
        self.tokens = tokens
        self.label = label
        self.isTarget = isTarget
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
}

extension DataSplits {
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
    }
}
