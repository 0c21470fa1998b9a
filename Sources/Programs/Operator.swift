/// Every operator of `peft.ops/1`. Raw values are frozen: they go to disk and across the plugin interface. A changed
/// meaning is a new number.
package enum Operator: UInt16, CaseIterable, Hashable, Sendable {
    // Leaves.
    case argument = 1, parameter, frozen, site, input, constant, iota, rowInput

    // Element-wise, one operand.
    case neg = 20, exp, log, sqrt, abs, sin, cos, tanh, sigmoid, silu, gelu, geluTanh, relu, erf, floor

    // Element-wise, operands broadcast against each other.
    case add = 50, sub, mul, div, pow, maximum, minimum, mod, equal, less, lessEqual, select, cast

    // Products, reductions and normalisations.
    case matmul = 80, sum, mean, max, softmax, layerNorm, rmsNorm, crossEntropy, rope, attention

    // Structure.
    case reshape = 110, transpose, slice, concat, gather, scatterAdd, broadcast, rowGather, rowMean

    // Random streams.
    case dropout = 140, bernoulli, normal, uniform, rowBernoulli

    // Without a gradient, or for initialisation and merging.
    case stopGradient = 160, cumsum, sort, topK, kthValue, solve, inverse, qr, svd

    // The frozen layer of a linear site, and a kernel that a plugin brings; of an attention site a frozen projection and the
    // frozen attention; rows of the frozen embedding table; keys or values that the frozen model computes for a text.
    case base = 180, call, project, attend, tableRows, textCache

    // Made by differentiation only; a plugin never sees these.
    case unaryGradient = 1000, softmaxGradient, layerNormGradient, rmsNormGradient, crossEntropyGradient
    case attentionGradient, maxGradient, contract, rowSum

    package var name: String { "\(self)" }

    /// Element-wise with one operand.
    package var isUnary: Bool { (Operator.neg.rawValue...Operator.floor.rawValue).contains(rawValue) }
    /// Element-wise with two operands that broadcast.
    package var isBinary: Bool { (Operator.add.rawValue...Operator.lessEqual.rawValue).contains(rawValue) }
    package var isLeaf: Bool { rawValue <= Operator.rowInput.rawValue }
    /// How many integers its attributes hold; nil where that depends on a shape.
    var integerCount: Int? {
        switch self {
        case .argument, .parameter, .frozen, .site, .constant, .rowInput, .sum, .mean, .max, .maxGradient, .reshape,
            .transpose,
            .broadcast, .bernoulli, .normal, .uniform, .call:
            nil
        case .input, .iota, .cast, .rope, .concat, .scatterAdd, .dropout, .rowBernoulli, .cumsum, .topK, .base,
            .unaryGradient, .attend, .tableRows:
            1
        case .matmul, .attention, .attentionGradient, .project: 2
        case .slice: 3
        case .textCache: 4
        default: 0
        }
    }

    /// How many numbers its attributes hold; nil where that depends on a shape.
    var scalarCount: Int? {
        switch self {
        case .constant, .call: nil
        case .layerNorm, .rmsNorm, .attention, .attentionGradient, .dropout, .bernoulli, .rowBernoulli: 1
        case .normal, .uniform: 2
        default: 0
        }
    }

    /// Draws numbers from a stream; its place in that stream is its ordinal, so two of a kind are never one.
    package var isRandom: Bool { (Operator.dropout.rawValue...Operator.rowBernoulli.rawValue).contains(rawValue) }
}

/// What a step feeds into a program. Raw values are frozen.
package enum StepInput: Int, CaseIterable, Hashable, Sendable {
    /// (N) i32
    case tokenIDs = 0
    /// (N) i32: virtual tokens counted, starting at 0 in each row.
    case positions
    /// (N) i32
    case rowOfToken
    /// (N) f32: 1 where a token belongs to the prompt (not to the completion), else 0.
    case isPrompt
    /// (M) i32: the token whose output predicts the target.
    case targetIndex
    /// (M) i32
    case targetLabels
    /// (M) f32: what each target counts in the loss; their sum over an accumulated batch is 1.
    case targetWeights
    /// scalar f32: 1 while training, else 0.
    case training
    /// scalar f32: the optimizer step, counted from 0.
    case step
    /// scalar f32: how many optimizer steps the run has.
    case totalSteps

    package var type: TensorType {
        switch self {
        case .tokenIDs, .positions, .rowOfToken: TensorType([.tokens], .i32)
        case .isPrompt: TensorType([.tokens])
        case .targetIndex, .targetLabels: TensorType([.targets], .i32)
        case .targetWeights: TensorType([.targets])
        case .training, .step, .totalSteps: .scalar
        }
    }
}

/// What a method graph may read of the frozen site that it stands at. Raw values are frozen.
package enum SiteValue: Int, CaseIterable, Hashable, Sendable {
    /// (out, in): the weight as it is stored, as numbers.
    case weight = 0
    /// (out)
    case bias
    /// (out): Euclidean norms of the rows of `weight`.
    case rowNorms
    /// (in): Euclidean norms of the columns of `weight`.
    case columnNorms
    /// (out, in): before the host quantised it (`init` only; equal to `weight` where it did not).
    case originalWeight
}

/// The constants of a node, in the order that the operator's builder function gives them.
package struct Attributes: Hashable, Sendable {
    package var integers: [Int]
    package var scalars: [Double]
    /// The name of a frozen tensor or of a row's input; of a random operator, the module path that its stream belongs to.
    package var text: String

    package init(integers: [Int] = [], scalars: [Double] = [], text: String = "") {
        self.integers = integers
        self.scalars = scalars
        self.text = text
    }

    /// The same bits: 0 and −0 are two constants, a NaN is itself, and names are bytes.
    package static func == (a: Attributes, b: Attributes) -> Bool {
        a.integers == b.integers && a.scalars.map(\.bitPattern) == b.scalars.map(\.bitPattern)
            && a.text.utf8.elementsEqual(b.text.utf8)
    }

    package func hash(into hasher: inout Hasher) {
        hasher.combine(integers)
        for scalar in scalars { hasher.combine(scalar.bitPattern) }
        for byte in text.utf8 { hasher.combine(byte) }
    }
}
