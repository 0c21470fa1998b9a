import Foundation
import Formats
import Programs

/// The shape of a model of the Llama family (Touvron et al. 2023): Llama 1 to 3, Mistral, SmolLM, TinyLlama, llm-jp-3.
package struct LlamaConfiguration: Equatable, Sendable {
    /// Hugging Face's `model_type`: `llama` or `mistral`.
    package var modelType: String
    package var vocabulary: Int
    package var hiddenSize: Int
    package var intermediateSize: Int
    package var layers: Int
    package var heads: Int
    package var keyHeads: Int
    package var headSize: Int
    package var context: Int
    package var normEpsilon: Double
    package var rope: Rope
    /// How many tokens back a token sees, itself included; 0 without a limit.
    package var window = 0
    /// The output head is the embedding table.
    package var isTied: Bool
    package var hasQueryBias = false
    package var hasKeyBias = false
    package var hasValueBias = false
    package var hasOutputBias = false
    package var hasMLPBias = false

    package var description: ModelDescription {
        ModelDescription(
            type: modelType, layers: layers, hiddenSize: hiddenSize, intermediateSize: intermediateSize, heads: heads,
            keyHeads: keyHeads, headSize: headSize, vocabulary: vocabulary, context: context)
    }

    /// - Throws: `ModelError` for sizes that no model can have.
    func check(_ place: String) throws(ModelError) {
        let sizes = [
            ("vocabulary", vocabulary, 1 << 24), ("hidden size", hiddenSize, 1 << 20),
            ("intermediate size", intermediateSize, 1 << 22), ("number of layers", layers, 1 << 12),
            ("number of heads", heads, 1 << 12), ("number of key heads", keyHeads, 1 << 12),
            ("head size", headSize, 1 << 10), ("context", context, 1 << 24),
        ]
        for (name, size, limit) in sizes where !(1...limit).contains(size) {
            throw ModelError("the \(name) is \(size); it must be from 1 to \(limit)", place: place)
        }
        guard normEpsilon.isFinite, normEpsilon >= 0 else {
            throw ModelError("the norms' epsilon is \(normEpsilon)", place: place)
        }
        guard heads % keyHeads == 0 else {
            throw ModelError("\(heads) query heads cannot share \(keyHeads) key heads", place: place)
        }
        guard headSize % 2 == 0 else {
            throw ModelError("a head size of \(headSize) cannot be rotated: it is odd", place: place)
        }
    }
}

/// Rotary position encoding (Su et al. 2021) and its stretchings.
package struct Rope: Equatable, Sendable {
    package enum Scaling: Equatable, Sendable {
        case none
        case linear(factor: Double)
        /// Llama 3.1: wavelengths above `context / low` are stretched by `factor`, those below `context / high` stay, and
        /// those between are blended.
        case llama3(factor: Double, low: Double, high: Double, context: Double)
        /// Each frequency is divided by its own number (GGUF's `rope_freqs.weight`).
        case divisors([Double])
    }

    package var theta: Double
    package var scaling: Scaling

    package init(theta: Double, scaling: Scaling = .none) {
        self.theta = theta
        self.scaling = scaling
    }

    /// - Throws: `ModelError` for numbers that give no angles.
    func check(_ place: String) throws(ModelError) {
        func isPositive(_ number: Double) -> Bool { number > 0 && number.isFinite }
        guard isPositive(theta) else { throw ModelError("a rope theta of \(theta)", place: place) }
        switch scaling {
        case .none: break
        case .linear(let factor):
            guard isPositive(factor) else { throw ModelError("a rope factor of \(factor)", place: place) }
        case .llama3(let factor, let low, let high, let context):
            guard [factor, low, high, context].allSatisfy(isPositive), low < high else {
                throw ModelError(
                    "llama3 rope scaling with factor \(factor), low_freq_factor \(low), high_freq_factor \(high) "
                        + "and context \(context)", place: place,
                    remedy: "all must be above 0, and low_freq_factor below high_freq_factor")
            }
        case .divisors(let divisors):
            guard let wrong = divisors.first(where: { !isPositive($0) }) else { break }
            throw ModelError("rope_freqs.weight holds \(wrong)", place: place)
        }
    }

    /// (headSize / 2) angles a position, in radians.
    package func frequencies(headSize: Int) -> [Double] {
        let plain = (0..<headSize / 2).map { 1 / pow(theta, Double(2 * $0) / Double(headSize)) }
        switch scaling {
        case .none: return plain
        case .linear(let factor): return plain.map { $0 / factor }
        case .divisors(let divisors): return zip(plain, divisors).map { $0 / $1 }
        case .llama3(let factor, let low, let high, let context):
            return plain.map { frequency in
                let wavelength = 2 * Double.pi / frequency
                if wavelength < context / high { return frequency }
                if wavelength > context / low { return frequency / factor }
                let smooth = (context / wavelength - low) / (high - low)
                return (1 - smooth) * frequency / factor + smooth * frequency
            }
        }
    }
}
