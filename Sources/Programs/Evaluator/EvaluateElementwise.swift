import Glibc

/// The functions of one number, and their derivatives.
enum Elementary {
    /// Φ(x), the standard normal law's distribution function.
    private static func phi(_ x: Double) -> Double { 0.5 * erfc(-x / 2.0.squareRoot()) }
    private static func sigmoid(_ x: Double) -> Double { 1 / (1 + exp(-x)) }
    /// The argument of tanh in the approximation of GELU (Hendrycks & Gimpel 2016).
    private static func inner(_ x: Double) -> Double { (2 / Double.pi).squareRoot() * (x + 0.044715 * x * x * x) }

    static func unary(_ op: Operator) -> (Double) -> Double {
        switch op {
        case .neg: { -$0 }
        case .exp: { exp($0) }
        case .log: { log($0) }
        case .sqrt: { $0.squareRoot() }
        case .abs: { Swift.abs($0) }
        case .sin: { sin($0) }
        case .cos: { cos($0) }
        case .tanh: { tanh($0) }
        case .sigmoid: sigmoid
        case .silu: { $0 * sigmoid($0) }
        case .gelu: { $0 * phi($0) }
        case .geluTanh: { 0.5 * $0 * (1 + tanh(inner($0))) }
        case .relu: { Swift.max($0, 0) }
        case .erf: { erf($0) }
        default: { $0.rounded(.down) }
        }
    }

    /// The derivative of each unary operator, at a kink the one from the left (0 for abs).
    static func derivative(_ op: Operator) -> (Double) -> Double {
        switch op {
        case .neg: { _ in -1 }
        case .exp: { exp($0) }
        case .log: { 1 / $0 }
        case .sqrt: { 0.5 / $0.squareRoot() }
        case .abs: { $0 > 0 ? 1 : $0 < 0 ? -1 : 0 }
        case .sin: { cos($0) }
        case .cos: { -sin($0) }
        case .tanh: { 1 - tanh($0) * tanh($0) }
        case .sigmoid: { sigmoid($0) * sigmoid(-$0) }
        case .silu: { sigmoid($0) * (1 + $0 * sigmoid(-$0)) }
        case .gelu: { phi($0) + $0 * exp(-$0 * $0 / 2) / (2 * Double.pi).squareRoot() }
        case .geluTanh:
            { x in
                let t = tanh(inner(x))
                let slope = (2 / Double.pi).squareRoot() * (1 + 3 * 0.044715 * x * x)
                return 0.5 * (1 + t) + 0.5 * x * (1 - t * t) * slope
            }
        case .relu: { $0 > 0 ? 1 : 0 }
        case .erf: { 2 / Double.pi.squareRoot() * exp(-$0 * $0) }
        default: { _ in 0 }
        }
    }

    static func binary(_ op: Operator) -> (Double, Double) -> Double {
        switch op {
        case .add: { $0 + $1 }
        case .sub: { $0 - $1 }
        case .mul: { $0 * $1 }
        case .div: { $0 / $1 }
        case .pow: { pow($0, $1) }
        case .maximum: { $0 >= $1 ? $0 : $1 }
        case .minimum: { $0 <= $1 ? $0 : $1 }
        // The sign of the divisor, as in Python.
        case .mod: { $0 - $1 * ($0 / $1).rounded(.down) }
        case .equal: { $0 == $1 ? 1 : 0 }
        case .less: { $0 < $1 ? 1 : 0 }
        default: { $0 <= $1 ? 1 : 0 }
        }
    }
}

extension Evaluator {
    func binary(_ op: Operator, _ a: Tensor64, _ b: Tensor64) -> Tensor64 {
        let shape = Tensor64.broadcast(a.shape, b.shape)
        let function = Elementary.binary(op)
        return Tensor64(shape, zip(a.broadcast(to: shape).values, b.broadcast(to: shape).values).map(function))
    }

    func select(_ condition: Tensor64, _ whenTrue: Tensor64, _ whenFalse: Tensor64) -> Tensor64 {
        let shape = Tensor64.broadcast(Tensor64.broadcast(condition.shape, whenTrue.shape), whenFalse.shape)
        let condition = condition.broadcast(to: shape)
        let (a, b) = (whenTrue.broadcast(to: shape), whenFalse.broadcast(to: shape))
        return Tensor64(shape, condition.values.indices.map { condition.values[$0] != 0 ? a.values[$0] : b.values[$0] })
    }

    func unaryGradient(_ number: Int, _ x: Tensor64, _ dy: Tensor64) -> Tensor64 {
        let derivative = Elementary.derivative(Operator(rawValue: UInt16(number))!)
        return Tensor64(x.shape, zip(x.values, dy.values).map { derivative($0) * $1 })
    }
}
