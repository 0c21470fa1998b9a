extension Classification {
    /// The expected calibration error (Guo et al. 2017): rows in `bins` of equal width by the probability of what is predicted;
    /// the mean, weighted by rows, of |share that is right − mean probability|. `probabilities` has shape (N, C); nil without
    /// rows.
    package static func calibrationError(labels: [Int], probabilities: [[Double]], bins: Int = 15) -> Double? {
        guard !labels.isEmpty, !probabilities.joined().contains(where: \.isNaN) else { return nil }
        let table = reliability(labels: labels, probabilities: probabilities, bins: bins)
        return table.reduce(0) { $0 + Double($1.rows) * abs($1.accuracy - $1.confidence) } / Double(labels.count)
    }

    /// One bin of a reliability diagram.
    package struct ReliabilityBin: Equatable, Sendable {
        package var rows: Int
        /// The share of its rows that is right, and the mean probability of what is predicted; 0 without rows.
        package var accuracy: Double
        package var confidence: Double
    }

    /// Bin i holds the probabilities in (i / bins, (i + 1) / bins].
    package static func reliability(labels: [Int], probabilities: [[Double]], bins: Int = 15) -> [ReliabilityBin] {
        precondition(labels.count == probabilities.count, "one row of probabilities a label")
        var counts = Array(repeating: (rows: 0, right: 0, sum: 0.0), count: bins)
        let predictions = predictions(scores: probabilities)
        for (row, prediction) in predictions.enumerated() {
            let confidence = probabilities[row][prediction]
            guard !confidence.isNaN else { continue }
            let bin = Swift.min(Swift.max(Int((confidence * Double(bins)).rounded(.up)) - 1, 0), bins - 1)
            counts[bin].rows += 1
            counts[bin].right += prediction == labels[row] ? 1 : 0
            counts[bin].sum += confidence
        }
        return counts.map { bin in
            let rows = Double(Swift.max(bin.rows, 1))
            return ReliabilityBin(rows: bin.rows, accuracy: Double(bin.right) / rows, confidence: bin.sum / rows)
        }
    }
}
