import Engine
import Programs

extension RowPrefix {
    /// A row of token ids with places for the virtual tokens in front.
    package func before(_ ids: [Int32]) -> [Int32] {
        Array(repeating: Batch.virtualToken, count: tokens) + ids
    }

    /// What is said of each token of a row; of virtual tokens it does not hold.
    package func before(_ flags: [Bool]) -> [Bool] { Array(repeating: false, count: tokens) + flags }
}

extension Batch {
    /// A batch for classification: the last token of each row predicts its label.
    ///
    /// - Parameter weights: what each row counts in the loss.
    package init(classifying rows: [[Int32]], labels: [Int32], weights: [Float]) {
        var last: Int32 = -1
        let index = rows.map { row -> Int32 in
            last += Int32(row.count)
            return last
        }
        self.init(rows: rows, targetIndex: index, targetLabels: labels, targetWeights: weights)
    }

    /// A batch for language modelling: every token predicts the next of its row where `isTarget` says so of the next.
    ///
    /// - Parameter weight: what each target counts in the loss.
    package init(predicting rows: [[Int32]], isTarget: [[Bool]], weight: Float) {
        var (index, labels): ([Int32], [Int32]) = ([], [])
        var start = 0
        for (row, wanted) in zip(rows, isTarget) {
            for position in row.indices.dropFirst() where wanted[position] {
                index.append(Int32(start + position - 1))
                labels.append(row[position])
            }
            start += row.count
        }
        self.init(
            rows: rows, targetIndex: index, targetLabels: labels,
            targetWeights: Array(repeating: weight, count: index.count), isCompletion: isTarget)
    }
}
