extension Classification {
    /// The area under the receiver operating characteristic: the chance that a positive row scores above a negative one,
    /// ties counting half (Mann and Whitney 1947).
    ///
    /// Nil where one of the classes is missing or a score is not a number: the area is not defined then.
    package static func rocAUC(scores: [Double], isPositive: [Bool]) -> Double? {
        precondition(scores.count == isPositive.count, "one score a row")
        let positives = isPositive.count { $0 }
        let negatives = isPositive.count - positives
        guard positives > 0, negatives > 0, !scores.contains(where: \.isNaN) else { return nil }
        let order = scores.indices.sorted { scores[$0] < scores[$1] }
        // Twice the sum of the positives' ranks, an integer: rows with equal scores share the mean of their ranks.
        var doubledRanks = 0
        var start = 0
        while start < order.count {
            var end = start
            while end < order.count, scores[order[end]] == scores[order[start]] { end += 1 }
            doubledRanks += order[start..<end].count { isPositive[$0] } * (start + 1 + end)
            start = end
        }
        let doubledWins = doubledRanks - positives * (positives + 1)
        return Double(doubledWins) / (2 * Double(positives) * Double(negatives))
    }

    /// The mean over classes of the area for that class against all others:
    /// `roc_auc_score(multi_class="ovr", average="macro")`. `probabilities` has shape (N, C).
    ///
    /// Nil where a class has no row, or all rows.
    package static func oneVersusRestAUC(labels: [Int], probabilities: [[Double]], classes: Int) -> Double? {
        precondition(labels.count == probabilities.count, "one row of probabilities a label")
        var sum = 0.0
        for index in 0..<classes {
            let area = rocAUC(scores: probabilities.map { $0[index] }, isPositive: labels.map { $0 == index })
            guard let area else { return nil }
            sum += area
        }
        return classes == 0 ? nil : sum / Double(classes)
    }
}
