import Testing
import Training

@Suite struct ScheduleTests {
    /// Ten steps; the values are the formulas' by hand: sixths for linear, cosines of sixths and tenths of π.
    static let cases: [(Schedule, [Double])] = [
        (Schedule(.constant, totalSteps: 10), [1, 1, 1, 1, 1, 1, 1, 1, 1, 1]),
        (Schedule(.constant, warmupSteps: 4, totalSteps: 10), [0, 0.25, 0.5, 0.75, 1, 1, 1, 1, 1, 1]),
        (Schedule(.linear, totalSteps: 10), [1, 0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3, 0.2, 0.1, 0, 0]),
        (
            Schedule(.linear, warmupSteps: 4, totalSteps: 10),
            [
                0, 0.25, 0.5, 0.75, 1, 0.8333333333333334, 0.6666666666666666, 0.5, 0.3333333333333333,
                0.16666666666666666, 0, 0,
            ]
        ),
        (
            Schedule(.cosine, totalSteps: 10),
            [
                1, 0.9755282581475768, 0.9045084971874737, 0.7938926261462366, 0.6545084971874737, 0.5,
                0.3454915028125263, 0.2061073738537635, 0.0954915028125263, 0.0244717418524232, 0,
            ]
        ),
        (
            Schedule(.cosine, warmupSteps: 4, totalSteps: 10),
            [0, 0.25, 0.5, 0.75, 1, 0.9330127018922193, 0.75, 0.5, 0.25, 0.0669872981077807, 0]
        ),
        // Nothing but warm-up, and steps beyond the end.
        (Schedule(.linear, warmupSteps: 2, totalSteps: 2), [0, 0.5, 0, 0]),
    ]

    @Test(arguments: cases) func followsTheFormula(_ schedule: Schedule, _ expected: [Double]) {
        for (step, value) in expected.enumerated() {
            #expect(abs(schedule.multiplier(step: step) - value) < 1e-15, "step \(step)")
        }
    }
}
