import Foundation

/// How the learning rate changes over the steps of a run, as in transformers' `get_*_schedule_with_warmup`.
package struct Schedule: Equatable, Sendable {
    package enum Kind: String, CaseIterable, Sendable {
        case constant, linear, cosine
    }

    package var kind: Kind
    /// Steps during which the rate rises from 0, linearly.
    package var warmupSteps: Int
    package var totalSteps: Int

    package init(_ kind: Kind, warmupSteps: Int = 0, totalSteps: Int) {
        self.kind = kind
        self.warmupSteps = warmupSteps
        self.totalSteps = totalSteps
    }

    /// What the learning rate of a step, counted from 0, is multiplied by: k / W while k < W; then, with p the share of the
    /// remaining steps that are done, 1 (constant), 1 − p (linear), or (1 + cos πp) / 2 (cosine).
    package func multiplier(step: Int) -> Double {
        if step < warmupSteps { return Double(step) / Double(max(1, warmupSteps)) }
        let remaining = Double(max(1, totalSteps - warmupSteps))
        switch kind {
        case .constant: return 1
        case .linear: return max(0, Double(totalSteps - step) / remaining)
        case .cosine: return max(0, 0.5 * (1 + cos(.pi * (Double(step - warmupSteps) / remaining))))
        }
    }
}
