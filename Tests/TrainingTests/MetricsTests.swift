import Formats
import Testing
import Training

@Suite struct MetricsTests {
    @Test func agreesWithScikitLearn() throws {
        let cases = try #require(
            try JSON.parse(try Fixtures.data("metrics/metrics.json"), place: "metrics.json").array)
        #expect(cases.count == 240)
        var undefined = 0
        for (index, expected) in cases.enumerated() {
            let classes = try #require(expected["classes"]?.int)
            let labels = try #require(expected["labels"]?.array).compactMap(\.int)
            let logits = try #require(expected["logits"]?.array).map { ($0.array ?? []).compactMap(\.double) }
            let predictions = Classification.predictions(scores: logits)
            #expect(predictions == expected["predictions"]?.array?.compactMap(\.int), "case \(index)")
            let confusion = Classification.confusion(labels: labels, predictions: predictions, classes: classes)
            #expect(confusion == expected["confusion"]?.array?.map { ($0.array ?? []).compactMap(\.int) })
            let auc =
                classes == 2
                ? Classification.rocAUC(scores: logits.map { $0[1] - $0[0] }, isPositive: labels.map { $0 == 1 })
                : Classification.oneVersusRestAUC(
                    labels: labels, probabilities: Classification.softmax(logits), classes: classes)
            let measured = [
                ("accuracy", Classification.accuracy(labels: labels, predictions: predictions)),
                ("macro_f1", Classification.macroF1(labels: labels, predictions: predictions, classes: classes)),
                ("log_loss", Classification.crossEntropy(labels: labels, logits: logits)),
                ("auc", auc),
            ]
            for (name, value) in measured {
                let reference = expected[name]?.double
                #expect((value == nil) == (reference == nil), "\(name) of case \(index)")
                if let value, let reference { #expect(abs(value - reference) < 1e-12, "\(name) of case \(index)") }
            }
            if auc == nil { undefined += 1 }
        }
        #expect(undefined > 20 && undefined < 150)
    }

    @Test func hasNoValueWithoutRows() {
        #expect(Classification.accuracy(labels: [], predictions: []) == nil)
        #expect(Classification.macroF1(labels: [], predictions: [], classes: 2) == nil)
        #expect(Classification.crossEntropy(labels: [], logits: []) == nil)
        #expect(Classification.rocAUC(scores: [], isPositive: []) == nil)
        #expect(Classification.rocAUC(scores: [.nan, 1], isPositive: [true, false]) == nil)
        #expect(Classification.oneVersusRestAUC(labels: [], probabilities: [], classes: 3) == nil)
    }

    @Test func crossEntropyDoesNotOverflow() throws {
        let loss = try #require(Classification.crossEntropy(labels: [0, 1], logits: [[1000, 0], [1000, 0]]))
        #expect(loss == 500)
    }

    @Test func perplexityOfUniformTokensIsTheirNumber() {
        let loss = Classification.crossEntropy(labels: [3], logits: [[Double](repeating: 0, count: 7)]) ?? .nan
        #expect(abs(perplexity(meanLoss: loss) - 7) < 1e-12)
    }
}
