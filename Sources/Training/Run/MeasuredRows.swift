import Engine
import Models
import Programs

/// What a model makes of labelled rows, row by row.
package struct MeasuredRows: Sendable {
    /// 0 for language modelling.
    package let classes: Int
    /// Classification only: each row's label, and its logits (N, C).
    package private(set) var labels: [Int] = []
    package private(set) var logits: [[Double]] = []
    /// Language modelling only: of each row the sum of −log p over the tokens that are predicted, and their number.
    package private(set) var losses: [(total: Double, tokens: Int)] = []

    /// Rows whose logits are known.
    package init(labels: [Int], logits: [[Double]], classes: Int) {
        (self.labels, self.logits, self.classes) = (labels, logits, classes)
    }

    package var count: Int { classes > 0 ? labels.count : losses.count }

    /// - Parameters:
    ///   - classes: 0 for language modelling.
    ///   - shouldStop: asked after every batch.
    /// - Throws: ``Interrupted`` where `shouldStop` said so.
    package init(
        _ examples: [Example], _ inference: Inference, classes: Int, shouldStop: () -> Bool = { false }
    ) throws {
        self.classes = classes
        for group in Evaluation.groups(examples) {
            let batch = Batch(group, scale: 1, weight: { _ in 1 })
            let result = try inference.run(batch)
            var target = 0
            for example in group {
                let targets = target..<target + example.targetCount
                target = targets.upperBound
                if classes > 0 {
                    labels.append(Int(example.label!))
                    logits.append(result.logits(targets.lowerBound).map(Double.init))
                } else {
                    let total = targets.reduce(0.0) { sum, target in
                        sum
                            + Evaluation.negativeLogLikelihood(
                                result.logits(target), Int(batch.targetLabels[target]))
                    }
                    losses.append((total, targets.count))
                }
            }
            if shouldStop() { throw Interrupted() }
        }
    }

    /// What is measured of rows.
    package enum Measure: String, CaseIterable, Sendable {
        case loss
        case rocAUC = "roc_auc"
        case accuracy
        case macroF1 = "macro_f1"
        /// The expected calibration error.
        case calibrationError = "ece"
        case perplexity

        /// Those of a task.
        package static func all(classes: Int) -> [Measure] {
            classes > 0 ? [.loss, .rocAUC, .accuracy, .macroF1, .calibrationError] : [.loss, .perplexity]
        }
    }

    /// A measure over some of the rows, which may come more than once; nil where it is not defined.
    package func value(_ measure: Measure, of rows: [Int]) -> Double? {
        let truth = classes > 0 ? rows.map { labels[$0] } : []
        func scores() -> [[Double]] { rows.map { logits[$0] } }
        switch measure {
        case .loss where classes > 0: return Classification.crossEntropy(labels: truth, logits: scores())
        case .loss:
            let tokens = rows.reduce(0) { $0 + losses[$1].tokens }
            return tokens == 0 ? nil : rows.reduce(0) { $0 + losses[$1].total } / Double(tokens)
        case .perplexity: return value(.loss, of: rows).map(Training.perplexity)
        case .accuracy:
            return Classification.accuracy(labels: truth, predictions: Classification.predictions(scores: scores()))
        case .macroF1:
            return Classification.macroF1(
                labels: truth, predictions: Classification.predictions(scores: scores()), classes: classes)
        case .calibrationError:
            return Classification.calibrationError(
                labels: truth, probabilities: Classification.softmax(scores()))
        case .rocAUC:
            let probabilities = Classification.softmax(scores())
            return classes == 2
                ? Classification.rocAUC(scores: probabilities.map { $0[1] }, isPositive: truth.map { $0 == 1 })
                : Classification.oneVersusRestAUC(labels: truth, probabilities: probabilities, classes: classes)
        }
    }
}
