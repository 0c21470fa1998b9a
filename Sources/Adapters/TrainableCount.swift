import Models

/// How many numbers train, counted as peft does: the frozen head and its trained copy both count.
package struct TrainableCount: Equatable, Sendable {
    package let trainable: Int
    package let all: Int

    package init(_ model: AdaptedModel) {
        let (base, head) = model.model.configuration.parameterCount
        trainable = model.tensors.trainedCount
        let parameters = model.tensors.entries.filter { !$0.declaration.isBuffer }.reduce(0) { $0 + $1.count }
        all =
            base + (model.task == .causalLM ? head : model.task.labels * model.model.configuration.hiddenSize)
            + parameters
    }

    /// peft's line: `trainable params: 58,752 || all params: 134,574,912 || trainable%: 0.0437`
    package var text: String {
        func grouped(_ value: Int) -> String {
            var text = ""
            for (place, digit) in String(value).reversed().enumerated() {
                if place > 0, place % 3 == 0 { text.append(",") }
                text.append(digit)
            }
            return String(text.reversed())
        }
        let share = (Double(trainable) / Double(all) * 1_000_000).rounded()
        let digits = String(Int(share) % 10000)
        let percent = "\(Int(share) / 10000)." + String(repeating: "0", count: 4 - digits.count) + digits
        return "trainable params: \(grouped(trainable)) || all params: \(grouped(all)) || trainable%: \(percent)"
    }
}
