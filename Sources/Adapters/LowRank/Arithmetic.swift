import Engine
import Programs

/// How tensors of one shape become one, number by number. Names and rules are those of peft's `merge_utils`.
package struct Arithmetic: Sendable {
    /// Which numbers of each tensor are left out first.
    package enum Pruning: Sendable {
        case none
        /// All but the largest (Yadav et al. 2023).
        case magnitude
        /// Some at random, and the others are made larger for them (Yu et al. 2024).
        case random
    }

    /// By which a number's sign is elected.
    package enum Majority: String, Sendable, CaseIterable {
        /// The sum over all tensors.
        case total
        /// How many are positive and negative.
        case frequency
    }

    package var pruning = Pruning.none
    /// The part of the numbers that is kept, 0 to 1.
    package var density = 1.0
    /// Where tensors disagree about a number's sign, those with the elected one count, and their mean is taken (Yadav et
    /// al. 2023); nil: a number is the sum over all tensors.
    package var majority: Majority?
    /// Of the random numbers.
    package var seed: UInt64 = 0

    package init() {}

    /// - Parameters:
    ///   - weights: what each tensor is multiplied by, once signs are elected.
    ///   - stream: names the random numbers.
    func combined(_ tensors: [[Float]], _ weights: [Double], stream: String) -> [Float] {
        let pruned = tensors.enumerated().map { self.pruned($1, stream: "\(stream)|\($0)") }
        return tensors[0].indices.map { place in
            let values = pruned.map { $0[place] }
            guard let majority else {
                return Float(zip(values, weights).reduce(0) { $0 + Double($1.0) * $1.1 })
            }
            let vote: Float =
                switch majority {
                case .total: values.reduce(0, +)
                case .frequency: values.reduce(0) { $0 + ($1 > 0 ? 1 : $1 < 0 ? -1 : 0) }
                }
            let elected = zip(values, weights).filter { vote >= 0 ? $0.0 > 0 : $0.0 < 0 }
            let sum = elected.reduce(0) { $0 + Double($1.0) * $1.1 }
            return Float(sum / Double(Swift.max(elected.count, 1)))
        }
    }

    private func pruned(_ values: [Float], stream: String) -> [Float] {
        guard density < 1 else { return values }
        switch pruning {
        case .none: return values
        case .magnitude:
            let order = values.indices.sorted { abs(values[$0]) > abs(values[$1]) }
            var result = [Float](repeating: 0, count: values.count)
            for place in order.prefix(Int(density * Double(values.count))) { result[place] = values[place] }
            return result
        case .random:
            let key = RandomKey(seed: seed, stream)
            let draws = Initializer.uniform(low: 0, high: 1).values(TensorType([Dim(values.count)]), key) ?? []
            return zip(values, draws).map { Double($1) < density ? Float(Double($0) / density) : 0 }
        }
    }
}
