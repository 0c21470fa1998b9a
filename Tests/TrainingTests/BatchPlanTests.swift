import Engine
import Testing
import Training

@Suite struct BatchPlanTests {
    private func options(_ batch: Int, accumulation: Int = 1, balances: Bool = false) -> TrainingOptions {
        var options = TrainingOptions()
        (options.batchSize, options.accumulation, options.balancesClasses) = (batch, accumulation, balances)
        options.epochs = 2
        return options
    }

    /// Row i has i + 1 tokens, all i, so that a batch says which rows it has.
    private func rows(_ labels: [Int32]) -> [Example] {
        labels.enumerated().map { Example(tokens: Array(repeating: Int32($0), count: $0 + 1), label: $1) }
    }

    @Test func seesEveryRowOnceAnEpoch() {
        let plan = BatchPlan(rows([0, 1, 0, 1, 0, 1, 1]), options(2, accumulation: 2), labels: 2)
        #expect(plan.stepsPerEpoch == 2)
        #expect(plan.totalSteps == 4)
        let epochs = (0..<2).map { plan.steps(epoch: $0) }
        for steps in epochs {
            #expect(steps.map(\.count) == [2, 2])
            #expect(steps.joined().flatMap(\.rows).map { Int($0[0]) }.sorted() == Array(0..<7))
        }
        func order(_ steps: [[Batch]]) -> [[Int32]] { steps.joined().flatMap(\.rows) }
        #expect(order(epochs[0]) != order(epochs[1]))
        #expect(order(plan.steps(epoch: 1)) == order(epochs[1]))
        let capacity = plan.capacity(sharesPrefix: false)
        let sizes = epochs.joined().joined().map(\.sizes)
        #expect(capacity.tokens == sizes.map(\.tokens).max())
        #expect(capacity.rows == 2 && capacity.targets == 2)
    }

    /// The loss of a step is the mean over all its rows, however they are cut into batches.
    @Test func weighsEveryRowOfAStepAlike() {
        let plan = BatchPlan(rows([0, 1, 0, 1, 0, 1, 1]), options(2, accumulation: 2), labels: 2)
        for (step, rows) in zip(plan.steps(epoch: 0), [4, 3]) {
            #expect(step.flatMap(\.targetWeights) == Array(repeating: 1 / Float(rows), count: rows))
        }
    }

    /// scikit-learn's compute_class_weight("balanced", …, y = [0, 0, 0, 1]): 2/3 and 2.
    @Test func balancesClasses() {
        let plan = BatchPlan(rows([0, 0, 0, 1]), options(4, balances: true), labels: 2)
        let batch = plan.steps(epoch: 0)[0][0]
        for (label, weight) in zip(batch.targetLabels, batch.targetWeights) {
            #expect(abs(weight - (label == 0 ? 2.0 / 3 : 2) / 4) < 1e-6)
        }
    }

    /// Language modelling: the mean over tokens, not over rows; the first token of a row is never a target.
    @Test func weighsTokensAlike() {
        let examples = [
            Example(tokens: [5, 6, 7], isTarget: [true, true, true]),
            Example(tokens: [8, 9, 10, 11], isTarget: [false, false, false, true]),
        ]
        let plan = BatchPlan(examples, options(1, accumulation: 2), labels: 0)
        let batches = plan.steps(epoch: 0)[0]
        #expect(batches.flatMap(\.targetWeights) == Array(repeating: Float(1) / 3, count: 3))
        #expect(batches.flatMap(\.targetLabels).sorted() == [6, 7, 11])
        for batch in batches {
            let tokens = batch.rows.flatMap { $0 }
            for (index, label) in zip(batch.targetIndex, batch.targetLabels) {
                #expect(tokens[Int(index) + 1] == label)
            }
        }
    }
}
