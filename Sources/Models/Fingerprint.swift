import Formats

extension Model {
    /// What tells this base from others of the same shape: a hash over the sizes that its numbers depend on, and over
    /// blocks of every tensor as it is used. Reading it touches 32 KB a tensor at most.
    ///
    /// What is hashed, in its order, is part of the adapters' format: see ``fingerprintHeader``. How the host quantises the
    /// base plays no part: it is the same base.
    package func fingerprint() throws -> String {
        let hash = SHA256()
        hash.update(fingerprintHeader)
        for (name, shape) in tensors {
            let tensor = try original(name, shape: shape)
            hash.update("\(name) \(shape.map(String.init).joined(separator: ",")) \(tensor.weight.type)\n")
            let bytes = UnsafeRawBufferPointer(start: tensor.weight.data, count: tensor.bytes)
            for block in Model.blocks(of: bytes.count) { hash.update(UnsafeRawBufferPointer(rebasing: bytes[block])) }
            // Where only few of its pages are read the system still maps nearly all.
            if quantization != .none { releaseOriginal(name) }
        }
        return hash.finish()
    }

    /// Version and sizes, a line each.
    private var fingerprintHeader: String {
        let c = configuration
        let biases = [c.hasQueryBias, c.hasKeyBias, c.hasValueBias, c.hasOutputBias, c.hasMLPBias]
        let scaling: [Double]
        let kind: String
        switch c.rope.scaling {
        case .none: (kind, scaling) = ("none", [])
        case .linear(let factor): (kind, scaling) = ("linear", [factor])
        case .llama3(let factor, let low, let high, let context):
            (kind, scaling) = ("llama3", [factor, low, high, context])
        case .divisors(let divisors): (kind, scaling) = ("divisors", divisors)
        }
        let lines = [
            "base 1", "vocabulary \(c.vocabulary)", "hidden \(c.hiddenSize)", "intermediate \(c.intermediateSize)",
            "layers \(c.layers)", "heads \(c.heads)", "key heads \(c.keyHeads)", "head size \(c.headSize)",
            "epsilon \(c.normEpsilon)", "theta \(c.rope.theta)", "window \(c.window)", "tied \(c.isTied)",
            "biases " + biases.map { $0 ? "1" : "0" }.joined(),
            "scaling " + ([kind] + scaling.map { "\($0)" }).joined(separator: " "),
        ]
        return lines.map { $0 + "\n" }.joined()
    }

    /// 64 evenly spaced blocks of 512 bytes; the whole of a tensor that is no larger than they are together.
    private static func blocks(of count: Int) -> [Range<Int>] {
        let (blocks, size) = (64, 512)
        guard count > blocks * size else { return [0..<count] }
        return (0..<blocks).map { index in
            let start = index * (count - size) / (blocks - 1)
            return start..<start + size
        }
    }
}
