import Formats
import Testing
import Training

@Suite struct MetricsTests {
    @Test func agreesWithScikitLearn() throws {
        let cases = try #require(try fixture()["cases"]?.array)
        #expect(cases.count == 1000)
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
                (
                    "ece",
                    Classification.calibrationError(
                        labels: labels, probabilities: Classification.softmax(logits))
                ),
            ]
            for (name, value) in measured {
                let reference = expected[name]?.double
                #expect((value == nil) == (reference == nil), "\(name) of case \(index)")
                if let value, let reference { #expect(abs(value - reference) < 1e-12, "\(name) of case \(index)") }
            }
            if auc == nil { undefined += 1 }
        }
        #expect(undefined > 100 && undefined < 600)
    }

    private func fixture() throws -> JSON {
        try JSON.parse(try Fixtures.data("metrics/metrics.json"), place: "metrics.json")
    }

    /// The same rows are drawn, and so the percentiles are the same.
    @Test func intervalsOfResampledRows() throws {
        let cases = try #require(try fixture()["cases"]?.array)
        var checked = 0
        for (index, item) in cases.enumerated() {
            guard let expected = item["intervals"] else { continue }
            let classes = try #require(item["classes"]?.int)
            let labels = try #require(item["labels"]?.array).compactMap(\.int)
            let logits = try #require(item["logits"]?.array).map { ($0.array ?? []).compactMap(\.double) }
            let rows = MeasuredRows(labels: labels, logits: logits, classes: classes)
            let measures: [MeasuredRows.Measure] = [.accuracy, .macroF1, .rocAUC, .calibrationError]
            let samples = Bootstrap(resamples: 60, seed: UInt64(index)).samples(of: labels.count) { drawn in
                measures.map { rows.value($0, of: drawn) }
            }
            for (place, name) in ["accuracy", "macro_f1", "auc", "ece"].enumerated() {
                let found = Bootstrap.interval(samples.map { $0[place] })
                let wanted = expected[name]?.array?.compactMap(\.double)
                #expect((found == nil) == (wanted == nil), "\(name) of case \(index)")
                guard let found, let wanted else { continue }
                #expect(abs(found.low - wanted[0]) < 1e-12 && abs(found.high - wanted[1]) < 1e-12, "\(name) \(index)")
                checked += 1
            }
        }
        #expect(checked > 300)
    }

    @Test func mcNemarAgreesWithSciPy() throws {
        let cases = try #require(try fixture()["mcnemar"]?.array)
        #expect(cases.count == 8)
        for item in cases {
            let numbers = (item.array ?? []).compactMap(\.double)
            let p = Classification.mcNemar(onlyFirst: Int(numbers[0]), onlySecond: Int(numbers[1]))
            #expect(abs(p - numbers[2]) <= 1e-9 * Swift.max(numbers[2], 1e-300) + 1e-12)
        }
    }

    @Test func reliabilityOfBins() {
        let bins = Classification.reliability(
            labels: [0, 1, 0], probabilities: [[0.75, 0.25], [0.6, 0.4], [1, 0]], bins: 4)
        #expect(bins.map(\.rows) == [0, 0, 2, 1])
        #expect(bins[2].accuracy == 0.5 && abs(bins[2].confidence - 0.675) < 1e-12)
        #expect(bins[3].accuracy == 1 && bins[3].confidence == 1)
        #expect(Classification.calibrationError(labels: [], probabilities: []) == nil)
    }

    @Test func twoTails() {
        #expect(Bootstrap.twoSided([1, 2, 3, nil]) == 0)
        #expect(Bootstrap.twoSided([-1, 1, 1, 1]) == 0.5)
        #expect(Bootstrap.twoSided([0, 0]) == 1)
        #expect(Bootstrap.twoSided([nil]) == nil)
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
