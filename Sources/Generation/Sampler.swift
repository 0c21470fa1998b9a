import Engine

/// Chooses tokens one after the other: the same ones for the same seed, whatever the number of threads.
package struct Sampler {
    private let sampling: Sampling
    private let key: RandomKey
    private var drawn = 0

    package init(_ sampling: Sampling) {
        self.sampling = sampling
        key = RandomKey(seed: sampling.seed, "generate")
    }

    /// The next token.
    ///
    /// - Parameters:
    ///   - logits: (vocabulary)
    ///   - text: the tokens so far, the prompt's included.
    package mutating func next(_ logits: [Float], after text: Set<Int32>) -> Int32 {
        let candidates = sampling.candidates(logits, after: text)
        guard candidates.count > 1 else { return candidates[0].id }
        var rest = Double(key.uniform(at: drawn))
        drawn += 1
        for (id, probability) in candidates {
            rest -= probability
            if rest < 0 { return id }
        }
        return candidates[candidates.count - 1].id
    }
}
