/// Measures of classification, as scikit-learn defines them. Classes are numbers from 0; N rows, C classes.
package enum Classification {
    /// The share of rows whose prediction is right; nil without rows.
    package static func accuracy(labels: [Int], predictions: [Int]) -> Double? {
        precondition(labels.count == predictions.count, "one prediction a row")
        guard !labels.isEmpty else { return nil }
        return Double(zip(labels, predictions).count { $0 == $1 }) / Double(labels.count)
    }

    /// Counts of shape (C, C): `[label][prediction]`.
    package static func confusion(labels: [Int], predictions: [Int], classes: Int) -> [[Int]] {
        precondition(labels.count == predictions.count, "one prediction a row")
        var counts = [[Int]](repeating: [Int](repeating: 0, count: classes), count: classes)
        for (label, prediction) in zip(labels, predictions) { counts[label][prediction] += 1 }
        return counts
    }

    /// The mean over classes of F1 = 2·TP / (2·TP + FP + FN); nil without rows.
    ///
    /// Classes that occur neither as label nor as prediction do not count: `f1_score(average="macro")`.
    package static func macroF1(labels: [Int], predictions: [Int], classes: Int) -> Double? {
        let counts = confusion(labels: labels, predictions: predictions, classes: classes)
        var sum = 0.0
        var present = 0
        for index in 0..<classes {
            let both = counts[index].reduce(0, +) + counts.reduce(0) { $0 + $1[index] }
            guard both > 0 else { continue }
            sum += 2 * Double(counts[index][index]) / Double(both)
            present += 1
        }
        return present == 0 ? nil : sum / Double(present)
    }

    /// The first of the largest numbers of each row. `scores` has shape (N, C).
    package static func predictions(scores: [[Double]]) -> [Int] {
        scores.map { row in row.indices.reduce(0) { row[$1] > row[$0] ? $1 : $0 } }
    }
}
