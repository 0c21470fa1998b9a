extension Rule {
    static let gradients = numeric(
        "gradients", "has the gradients that its functions' central differences say, in float64"
    ) { subject in
        var random = subject.random("gradients")
        do {
            try subject.onVariants { try checkGradients($0, elements: 6, &random) }
        } catch let error as Undifferentiable {
            throw Breach("it cannot be differentiated: \(error.message)")
        }
        return .passed
    }

    /// Compares at one point, and where something is off at another: a kink (of relu, of an absolute value) that a
    /// difference steps over by chance is not at both.
    package static func checkGradients(_ bench: Bench, elements: Int = .max, _ random: inout RandomNumbers) throws {
        guard try !bench.trainable().hasKernels else { return }
        var last: Gradients.Mismatch?
        for point: UInt64 in [11, 12] {
            let found = try Gradients(bench.moved(point)).mismatch(elements: elements, random: &random)
            guard let found else { return }
            last = found
        }
        if let last { throw Breach(last.text) }
    }

    static let deadParameters = numeric(
        "dead-parameters", "trains nothing that has no effect on the loss or the regularizer"
    ) { subject in
        try subject.onVariants(checkNothingIsDead)
        return .passed
    }

    /// Looks at two points away from the start, where a factor of 0 hides what it is multiplied with.
    package static func checkNothingIsDead(_ bench: Bench) throws {
        guard try !bench.trainable().hasKernels else { return }
        let dead = Set(try Gradients(bench.moved(11)).dead)
        guard !dead.isEmpty else { return }
        let always = try Gradients(bench.moved(12)).dead.filter(dead.contains)
        guard let first = always.first else { return }
        throw Breach("\(always.count) of its parameters have no effect, \(first) among them; use or remove them")
    }
}
