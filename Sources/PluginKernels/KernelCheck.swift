import Programs

/// Tries a kernel on random operands before a program may use it: that it stays inside its arrays, writes all of its results,
/// gives the same bits twice, that a token-local one gives a token the same alone, and that its vector-Jacobian product is the
/// derivative of its forward.
///
/// Derivatives are compared along one random direction by operand, all in float32: central differences of fourth order with
/// the steps 2⁻⁵, 2⁻⁹ and 2⁻¹³, of which one must agree within a thousandth of the gradient's length and the rounding of the
/// results (a kink, as relu has one, spoils long steps only).
package struct KernelCheck {
    private let forward: KernelTrial
    private let vjp: KernelTrial?
    /// By operand: the values of an i32 one.
    private let integers: [Int: [Int32]]
    private let isTokenLocal: Bool

    private static let tolerance = 1e-3
    private static let tokens = 3

    /// - Parameters:
    ///   - node: a forward call.
    ///   - operands: their types.
    ///   - integers: values of i32 operands that are known; others are zeros.
    package init(
        _ node: Node, operands: [TensorType], _ functions: KernelFunctions, integers: [Int: [Int32]]
    ) throws(ProgramError) {
        forward = try KernelTrial(node.attributes, operands, functions)
        self.integers = integers
        isTokenLocal = operands.contains { $0.symbol != nil }
        let kernel = forward.call.kernel
        guard let signature = kernel.vjpSignature else {
            vjp = nil
            return
        }
        let cotangents = node.results.filter { $0.dtype == .f32 }
        let numbers = forward.call.numbers
        vjp = try KernelTrial(
            kernel.attributes(.vjp, scalars: signature.scalars.compactMap { numbers[$0] }), operands + cotangents,
            functions)
    }

    /// - Throws: `ProgramError` that names the kernel, the array and the numbers.
    package func run() throws(ProgramError) {
        let sizes = Sizes(tokens: Self.tokens, rows: Self.tokens, targets: Self.tokens)
        var random = RandomNumbers()
        var operands = self.operands(sizes, -1...1, &random)
        var results = try forward.run(operands, sizes)
        if !isFinite(results) {
            // Where the logarithm, a root and the arc cosine are at home.
            operands = self.operands(sizes, 0.25...0.75, &random)
            results = try forward.run(operands, sizes)
        }
        try checkFinite(results, forward)
        if isTokenLocal { try checkTokens(operands, results, sizes) }
        if let vjp { try checkGradients(vjp, operands, results, sizes, &random) }
    }

    private func operands(
        _ sizes: Sizes, _ range: ClosedRange<Float>, _ random: inout RandomNumbers
    ) -> [[UInt32]] {
        forward.operands.enumerated().map { index, type in
            let count = sizes.count(type)
            guard type.dtype == .i32 else { return (0..<count).map { _ in random.float(in: range).bitPattern } }
            guard let values = integers[index], values.count == count else { return Array(repeating: 0, count: count) }
            return values.map { UInt32(bitPattern: $0) }
        }
    }

    /// Whether result `index` of a trial holds floats.
    private func isFloat(_ trial: KernelTrial, _ index: Int) -> Bool { trial.call.results[index].dtype == .f32 }

    private func isFinite(_ results: [[UInt32]]) -> Bool {
        results.indices.allSatisfy { index in
            !isFloat(forward, index) || results[index].allSatisfy { Float(bitPattern: $0).isFinite }
        }
    }

    private func checkFinite(_ results: [[UInt32]], _ trial: KernelTrial) throws(ProgramError) {
        for (index, bits) in results.enumerated() where isFloat(trial, index) {
            guard let place = bits.firstIndex(where: { !Float(bitPattern: $0).isFinite }) else { continue }
            throw trial.error(
                "gives \(Float(bitPattern: bits[place])) in element \(place) of result \(index) for operands between "
                    + "-1 and 1")
        }
    }

    /// Each token alone, and none.
    private func checkTokens(_ operands: [[UInt32]], _ results: [[UInt32]], _ sizes: Sizes) throws(ProgramError) {
        let one = Sizes(tokens: 1, rows: 1, targets: 1)
        for token in 0..<Self.tokens {
            let alone = try forward.run(
                zip(operands, forward.operands).map { slice($0, $1, token) }, one)
            for (index, type) in forward.call.results.enumerated() where type.symbol != nil {
                let together = slice(results[index], type, token)
                let isSame = zip(together, alone[index]).allSatisfy { a, b in
                    let (x, y) = (Float(bitPattern: a), Float(bitPattern: b))
                    return a == b || type.dtype == .f32 && abs(x - y) <= 1e-5 * Swift.max(abs(x), abs(y), 1)
                }
                guard isSame else {
                    throw forward.error(
                        "is marked as token-local, but gives token \(token) another result \(index) than without the "
                            + "others")
                }
            }
        }
        let none = Sizes(tokens: 0, rows: 0, targets: 0)
        _ = try forward.run(zip(operands, forward.operands).map { $1.symbol == nil ? $0 : [] }, none)
    }

    private func slice(_ bits: [UInt32], _ type: TensorType, _ token: Int) -> [UInt32] {
        guard type.symbol != nil else { return bits }
        return Array(bits[token * type.fixedCount..<(token + 1) * type.fixedCount])
    }

    // MARK: Gradients

    private func checkGradients(
        _ vjp: KernelTrial, _ operands: [[UInt32]], _ results: [[UInt32]], _ sizes: Sizes, _ random: inout RandomNumbers
    ) throws(ProgramError) {
        var cotangents: [[Float]] = []
        for index in results.indices where isFloat(forward, index) {
            cotangents.append(results[index].map { _ in random.float(in: -1...1) })
        }
        let gradients = try vjp.run(operands + cotangents.map { $0.map(\.bitPattern) }, sizes)
        try checkFinite(gradients, vjp)
        var next = 0
        for (index, type) in forward.operands.enumerated() where type.dtype == .f32 {
            let gradient = gradients[next].map { Double(Float(bitPattern: $0)) }
            next += 1
            let direction = gradient.map { _ in random.float(in: -1...1) < 0 ? Float(-1) : 1 }
            let expected = zip(gradient, direction).reduce(0) { $0 + $1.0 * Double($1.1) }
            let length = gradient.reduce(0) { $0 + $1 * $1 }.squareRoot()
            var found: [Double] = []
            for step: Float in [0x1p-5, 0x1p-9, 0x1p-13] {
                let (slope, noise) = try difference(operands, index, direction, cotangents, step, sizes)
                found.append(slope)
                if abs(slope - expected) <= Self.tolerance * length + noise { break }
                guard step == 0x1p-13 else { continue }
                throw vjp.error(
                    "the gradient by array \(index), \(type.name), is wrong: along a random direction it is "
                        + "\(Float(expected)), and differences of the kernel's results give \(Float(found[0]))")
            }
        }
    }

    /// The slope of cotangents · results when operand `index` moves along a direction, and how far rounding may move it.
    private func difference(
        _ operands: [[UInt32]], _ index: Int, _ direction: [Float], _ cotangents: [[Float]], _ step: Float,
        _ sizes: Sizes
    ) throws(ProgramError) -> (slope: Double, noise: Double) {
        var (slope, squares) = (0.0, 0.0)
        for (distance, weight): (Float, Double) in [(1, 8), (-1, -8), (2, -1), (-2, 1)] {
            var moved = operands
            moved[index] = zip(operands[index], direction).map {
                (Float(bitPattern: $0) + distance * step * $1).bitPattern
            }
            let results = try forward.run(moved, sizes)
            let floats = results.indices.filter { isFloat(forward, $0) }
            for (result, cotangent) in zip(floats, cotangents) {
                for (bits, factor) in zip(results[result], cotangent) {
                    let value = Double(Float(bitPattern: bits)) * Double(factor)
                    slope += weight * value
                    squares += value * value
                }
            }
        }
        let scale = 1 / (12 * Double(step))
        return (slope * scale, 0x1p-23 * 8 * squares.squareRoot() * scale)
    }
}

/// A fixed stream (SplitMix64).
private struct RandomNumbers {
    private var state: UInt64 = 0

    mutating func float(in range: ClosedRange<Float>) -> Float {
        state &+= 0x9E37_79B9_7F4A_7C15
        var z = state
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        let unit = Float((z ^ (z >> 31)) >> 40) * 0x1p-24
        return range.lowerBound + unit * (range.upperBound - range.lowerBound)
    }
}
