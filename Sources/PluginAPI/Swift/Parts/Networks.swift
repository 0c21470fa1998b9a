/// Tensors of a network by their names in torch: declared with these shapes and first values, or looked up where they have been.
public typealias Tensors = (_ name: String, _ shape: [Int], _ initializer: Initializer) -> Value

extension Scope {
    /// Declares each tensor where it is first asked for, under the prefix and its name, and finds it again after that.
    public func tensors(_ prefix: String, options: TensorOptions = []) -> Tensors {
        var declared: [String: Value] = [:]
        return { name, shape, initializer in
            if let value = declared[name] { return value }
            let value = parameter(prefix + name, shape: shape, init: initializer, options: options)
            declared[name] = value
            return value
        }
    }
}

/// Layers of small networks that a method trains: its own, not the model's.
extension Value {
    /// A linear layer, self (n, in) → self Wᵀ + b (n, outputs), of `<name>.weight` (outputs, in) and `<name>.bias` (outputs),
    /// which begin as torch's unless said.
    public func linear(
        _ name: String, to outputs: Int, weight: Initializer = .linearWeight, bias: Initializer? = nil,
        _ tensors: Tensors
    ) -> Value {
        let inputs = shape.last ?? 1
        let y = matmul(tensors("\(name).weight", [outputs, inputs], weight).T)
        return y + tensors("\(name).bias", [outputs], bias ?? .like(torchLayerOf: inputs))
    }

    /// A bidirectional LSTM (Hochreiter & Schmidhuber 1997) over the rows of self (n, in) as a sequence, of torch's tensors
    /// `<name>.weight_ih_l0`, `<name>.weight_ih_l0_reverse`, … → (n, 2 · size).
    ///
    ///     [i f g o] = W_ih x + b_ih + W_hh h + b_hh
    ///     c = σ(f) c + σ(i) tanh(g),  h = σ(o) tanh(c)
    ///
    /// States begin at zero. It is unrolled over at most ``longestSequence(lstmLayers:)`` rows.
    /// - Parameter dropout: between the layers.
    public func lstm(_ name: String, size: Int, layers: Int, dropout: Double, _ tensors: Tensors) -> Value {
        var x = self
        for layer in 0..<layers {
            if layer > 0, dropout > 0 { x = x.dropout(dropout) }
            let both = ["l\(layer)", "l\(layer)_reverse"].map { pass in
                x.lstmPass(size, isReversed: pass.hasSuffix("reverse")) { tensors("\(name).\($0)_\(pass)", $1, $2) }
            }
            x = .concat(both, axis: 1)
        }
        return x
    }

    /// A graph has at most 65,536 operators, of which each row takes 16 in either direction of a layer.
    public static func longestSequence(lstmLayers layers: Int) -> Int { 65_000 / (32 * layers) }

    /// One direction of one layer: self (n, in) → every h (n, size), in the order of self.
    private func lstmPass(_ size: Int, isReversed: Bool, _ tensors: Tensors) -> Value {
        let (count, inputs, first) = (shape[0], shape[1], Initializer.like(torchLayerOf: size))
        let recurrent = tensors("weight_hh", [4 * size, size], first)
        let bias = tensors("bias_ih", [4 * size], first) + tensors("bias_hh", [4 * size], first)
        let fromInputs = matmul(tensors("weight_ih", [4 * size, inputs], first).T) + bias
        var h = Value.constant(Array(repeating: 0, count: size), shape: [1, size])
        var c = h
        var states: [Value] = []
        for step in 0..<count {
            let place = isReversed ? count - 1 - step : step
            let gates = fromInputs.slice(axis: 0, place..<place + 1) + h.matmul(recurrent.T)
            let parts = (0..<4).map { gates.slice(axis: 1, $0 * size..<($0 + 1) * size) }
            c = parts[1].sigmoid() * c + parts[0].sigmoid() * parts[2].tanh()
            h = parts[3].sigmoid() * c.tanh()
            states.append(h)
        }
        return .concat(isReversed ? states.reversed() : states, axis: 0)
    }
}

extension Initializer {
    /// The weight of a linear layer as torch begins it: Kaiming's with a = √5.
    public static var linearWeight: Initializer { .kaimingUniform(a: 5.0.squareRoot()) }

    /// U(±1/√inputs): the bias of a linear layer as torch begins it, and whatever a recurrent layer of that size has.
    public static func like(torchLayerOf inputs: Int) -> Initializer {
        let bound = 1 / Double(inputs).squareRoot()
        return .uniform(low: -bound, high: bound)
    }
}
