import Kernels
import Programs

extension Lowering {
    /// Operators that draw numbers. A draw is keyed by the seed, the operator's stream and ordinal, the step, the
    /// micro-batch, the row, the position and the element: never by where in a pack a token lies. A value without tokens
    /// is keyed as one token at position 0 of row 0, a value of rows as the token at position 0 of each.
    mutating func lowerRandom(_ index: Int, _ node: Node) throws(EngineError) {
        let key = RandomKey(seed: seed, "\(node.attributes.text)#\(node.attributes.integers[0])")
        let y = try floats(Value(index))
        let scalars = node.attributes.scalars.map(Float.init)
        switch node.op {
        case .dropout:
            let x = try floats(node.inputs[0])
            try emitDraws("dropout", Value(index)) { context, draws in
                guard context.isTraining else {
                    if x != y { (y + draws.first).update(from: x + draws.first, count: draws.count) }
                    return
                }
                draws.drop(x, y, scalars[0], key.stream(context))
            }
        case .bernoulli, .rowBernoulli:
            // u < p: where dropout drops.
            try emitDraws(node.op.name, Value(index)) { context, draws in
                (y + draws.first).update(repeating: 1, count: draws.count)
                if scalars[0] < 1 { draws.drop(y, y, scalars[0], key.stream(context)) }
                for element in draws.first..<draws.first + draws.count {
                    y[element] = scalars[0] == 1 || y[element] == 0 ? 1 : 0
                }
            }
        default:
            let isNormal = node.op == .normal
            let (offset, factor) = (scalars[0], isNormal ? scalars[1] : scalars[1] - scalars[0])
            emit(node.op.name, over: extent(Value(index)), grain: 4096) { context, range in
                var words = key.words(of: context)
                withUnsafePointer(to: &words) {
                    $0.withMemoryRebound(to: UInt32.self, capacity: 4) { key in
                        let draw = isNormal ? ph_random_normal : ph_random_uniform
                        draw(key, 0, UInt64(range.lowerBound), y + range.lowerBound, range.count)
                    }
                }
                for element in range { y[element] = offset + factor * y[element] }
            }
        }
    }

    /// An instruction over the tokens of a value, or over its rows, or over it as one token.
    private mutating func emitDraws(
        _ name: String, _ value: Value, _ run: @escaping (RunContext, TokenDraws) -> Void
    ) throws(EngineError) {
        let shape = type(value).shape
        let rows: UnsafeMutablePointer<Int32>, positions: UnsafeMutablePointer<Int32>
        switch shape.first {
        case .tokens?:
            guard let inputs else { throw EngineError("\(name) needs the tokens of a batch") }
            (rows, positions) = (inputs[.rowOfToken].ints, inputs[.positions].ints)
        case .targets?: throw EngineError("\(name) is not for values of targets")
        default:
            let count = shape.first == .rows ? capacity.rows : 1
            let (numbers, zeros) = (Buffer((0..<Int32(count)).map { $0 }), Buffer(count: count))
            keep(numbers)
            keep(zeros)
            (rows, positions) = (numbers.ints, zeros.ints)
        }
        let isSymbolic = type(value).symbol != nil
        let width = isSymbolic ? Extent(shape.dropFirst()).factor : type(value).fixedCount
        let tokens = Extent(isSymbolic ? shape.prefix(1) : [])
        emit(name, over: tokens, grain: 16) { context, range in
            run(context, TokenDraws(range: range, width: width, rows: rows, positions: positions))
        }
    }
}

/// Some tokens whose elements are drawn.
private struct TokenDraws {
    let range: Range<Int>
    let width: Int
    let rows: UnsafePointer<Int32>
    let positions: UnsafePointer<Int32>

    /// Their elements in the value.
    var first: Int { range.lowerBound * width }
    var count: Int { range.count * width }

    func drop(_ x: UnsafePointer<Float>, _ y: UnsafeMutablePointer<Float>, _ p: Float, _ stream: ph_dropout_stream) {
        var stream = stream
        ph_dropout(x, y, width, p, &stream, rows, positions, range.lowerBound, range.upperBound)
    }
}

extension RandomKey {
    func stream(_ context: RunContext) -> ph_dropout_stream {
        ph_dropout_stream(
            key: words, step: UInt32(truncatingIfNeeded: context.step),
            micro_batch: UInt32(truncatingIfNeeded: context.microBatch))
    }

    /// The key of one micro-batch of one step: in its first two words, the same that `ph_dropout` makes of a stream.
    fileprivate func words(of context: RunContext) -> (UInt32, UInt32, UInt32, UInt32) {
        let stream = stream(context)
        var counter = (stream.step, stream.micro_batch, UInt32(0), UInt32(0))
        var key = words
        var result = (UInt32(0), UInt32(0), UInt32(0), UInt32(0))
        withUnsafeBytes(of: &counter) { counter in
            withUnsafeBytes(of: &key) { key in
                withUnsafeMutableBytes(of: &result) { result in
                    ph_philox(
                        counter.baseAddress!.assumingMemoryBound(to: UInt32.self),
                        key.baseAddress!.assumingMemoryBound(to: UInt32.self),
                        result.baseAddress!.assumingMemoryBound(to: UInt32.self))
                }
            }
        }
        return result
    }
}
