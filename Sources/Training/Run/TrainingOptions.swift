import Formats

/// What a run does with its data: everything that its result depends on, beside model, method and data.
package struct TrainingOptions: Equatable, Sendable {
    package var epochs = 3
    /// Rows of a micro-batch.
    package var batchSize = 8
    /// Micro-batches of an optimizer step.
    package var accumulation = 1
    package var learningRate = 1e-3
    package var schedule = Schedule.Kind.linear
    package var warmupSteps = 0
    package var weightDecay = 0.0
    /// Gradients are clipped to this norm; 0 for no clipping.
    package var maximumNorm = 0.0
    package var seed: UInt64 = 0
    /// Weighs every class by the inverse of its share.
    package var balancesClasses = false
    package var maximumLength = 0
    /// Optimizer steps between checkpoints; 0: only at the end of each epoch.
    package var checkpointSteps = 0

    /// Of how many stretches of the program the activations are computed twice, to take less memory: no result changes.
    package var recomputed = 0

    package init() {}

    /// As a run's files keep it, so that `--resume` can name what is different.
    package var json: JSON {
        [
            "epochs": .integer(Int64(epochs)), "batch_size": .integer(Int64(batchSize)),
            "gradient_accumulation_steps": .integer(Int64(accumulation)), "learning_rate": .number(learningRate),
            "lr_scheduler_type": .string(schedule.rawValue), "warmup_steps": .integer(Int64(warmupSteps)),
            "weight_decay": .number(weightDecay), "max_grad_norm": .number(maximumNorm),
            "seed": .integer(Int64(seed)), "class_weights": .string(balancesClasses ? "balanced" : "none"),
            "max_length": .integer(Int64(maximumLength)),
        ]
    }
}
