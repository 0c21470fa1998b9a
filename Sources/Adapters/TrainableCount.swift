import Formats
import Models

/// How many numbers train, counted as peft does: the frozen head and its trained copy both count.
package struct TrainableCount: Sendable {
    package let trainable: Int
    package let all: Int
    /// The base's own, without the head that a classifier does not use.
    package let frozen: Int
    /// Tensors of the base's file by the type in which they are stored, the most frequent first.
    package let storage: [(type: String, tensors: Int)]

    package init(_ model: AdaptedProgram, of base: ModelOutline) {
        let (body, head) = model.configuration.parameterCount
        trainable = model.trainedCount
        frozen = body + (model.task == .causalLM ? head : 0)
        all = frozen + model.task.labels * model.configuration.hiddenSize + model.count { !$0.isBuffer }
        storage = base.storage.sorted { $0.tensors > $1.tensors }
    }

    /// `frozen: 134,515,008 parameters (210 tensors in Q4_1, 62 in F32)`
    package var frozenText: String {
        let types = storage.enumerated().map { "\($1.tensors)\($0 == 0 ? " tensors" : "") in \($1.type)" }
        return "frozen: \(frozen.grouped) parameters (\(types.joined(separator: ", ")))"
    }

    /// peft's line: `trainable params: 58,752 || all params: 134,574,912 || trainable%: 0.0437`
    package var text: String {
        let share = (Double(trainable) / Double(all) * 1_000_000).rounded()
        let digits = String(Int(share) % 10000)
        let percent = "\(Int(share) / 10000)." + String(repeating: "0", count: 4 - digits.count) + digits
        return "trainable params: \(trainable.grouped) || all params: \(all.grouped) || trainable%: \(percent)"
    }
}
