import Programs

/// What one run of an executable is about.
package final class RunContext {
    package var sizes: Sizes
    package var isTraining: Bool
    /// The optimizer step and the micro-batch inside it: they key the random streams.
    package var step: Int
    package var microBatch: Int
    /// How many optimizer steps the whole run has; 0 outside of one.
    package var totalSteps: Int
    /// Tokens of the first row, where all other rows go on from it; else 0.
    package var sharedTokens = 0

    package init(sizes: Sizes, isTraining: Bool = false, step: Int = 0, microBatch: Int = 0, totalSteps: Int = 0) {
        self.sizes = sizes
        self.isTraining = isTraining
        self.step = step
        self.microBatch = microBatch
        self.totalSteps = totalSteps
    }
}

/// Why a program cannot be run.
package struct EngineError: Error, CustomStringConvertible {
    package var message: String
    package init(_ message: String) { self.message = message }
    package var description: String { message }
}
