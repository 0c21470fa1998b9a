import Kernels
import Programs

/// The key of one random stream: what it is for and the run's seed, hashed. Neither node numbers nor the language of a
/// plugin enter, so equal methods draw equal numbers.
package struct RandomKey: Hashable, Sendable {
    package let words: (UInt32, UInt32)

    /// - Parameter name: `method|module|parameter`, or with an ordinal for a random operator.
    package init(seed: UInt64, _ name: String) {
        // FNV-1a over the seed and the name, then a final mix (the one of SplitMix64), so that near names lie far apart.
        var hash: UInt64 = 0xcbf2_9ce4_8422_2325
        for byte in withUnsafeBytes(of: seed.littleEndian, Array.init) + Array(name.utf8) {
            hash = (hash ^ UInt64(byte)) &* 0x100_0000_01b3
        }
        hash = (hash ^ (hash >> 30)) &* 0xbf58_476d_1ce4_e5b9
        hash = (hash ^ (hash >> 27)) &* 0x94d0_49bb_1331_11eb
        hash ^= hash >> 31
        words = (UInt32(truncatingIfNeeded: hash), UInt32(truncatingIfNeeded: hash >> 32))
    }

    package static func == (a: RandomKey, b: RandomKey) -> Bool { a.words == b.words }
    package func hash(into hasher: inout Hasher) {
        hasher.combine(words.0)
        hasher.combine(words.1)
    }

    /// Elements 0 ..< count of the stream.
    package func uniform(_ count: Int) -> [Float] { fill(count) { ph_random_uniform($0, 0, 0, $1, count) } }
    /// One element of the stream.
    package func uniform(at index: Int) -> Float {
        var number: Float = 0
        ph_random_uniform([words.0, words.1], 0, UInt64(index), &number, 1)
        return number
    }
    package func normal(_ count: Int) -> [Float] { fill(count) { ph_random_normal($0, 0, 0, $1, count) } }

    private func fill(
        _ count: Int, _ draw: (UnsafePointer<UInt32>, UnsafeMutablePointer<Float>) -> Void
    ) -> [Float] {
        let key = [words.0, words.1]
        return [Float](unsafeUninitializedCapacity: count) { buffer, initialized in
            if count > 0 { draw(key, buffer.baseAddress!) }
            initialized = count
        }
    }
}

extension Initializer {
    /// The first values of a tensor of that shape; nil where an init graph gives them.
    package func values(_ type: TensorType, _ key: RandomKey) -> [Float]? {
        let count = type.fixedCount
        switch self {
        case .zeros: return Array(repeating: 0, count: count)
        case .ones: return Array(repeating: 1, count: count)
        case .constant(let value): return Array(repeating: Float(value), count: count)
        case .uniform(let low, let high): return key.uniform(count).map { Float(low) + $0 * Float(high - low) }
        case .normal(let mean, let deviation): return key.normal(count).map { Float(mean) + $0 * Float(deviation) }
        case .kaimingUniform(let a):
            let fanIn = Double(type.shape.dropFirst().first?.fixed ?? 1)
            let bound = (6 / ((1 + a * a) * fanIn)).squareRoot()
            return Initializer.uniform(low: -bound, high: bound).values(type, key)
        case .graph: return nil
        }
    }
}
