import Kernels
import Programs

extension Lowering {
    mutating func lowerDropout(_ index: Int, _ node: Node) throws(EngineError) {
        guard let inputs, type(node.inputs[0]).symbol == .tokens else {
            throw EngineError("dropout is for values of tokens")
        }
        let (rowOf, positions) = (inputs[.rowOfToken].ints, inputs[.positions].ints)
        let (x, y) = (try floats(node.inputs[0]), try floats(Value(index)))
        let width = Extent(type(node.inputs[0]).shape.dropFirst()).factor
        let probability = Float(node.attributes.scalars[0])
        let key = RandomKey(seed: seed, "\(node.attributes.text)#\(node.attributes.integers[0])")
        emit("dropout", over: Extent([.tokens]), grain: 16) { context, range in
            guard context.isTraining else {
                if x != y { (y + range.lowerBound * width).update(from: x + range.lowerBound * width, count: range.count * width) }
                return
            }
            var stream = ph_dropout_stream(
                key: key.words, step: UInt32(context.step), micro_batch: UInt32(context.microBatch))
            ph_dropout(x, y, width, probability, &stream, rowOf, positions, range.lowerBound, range.upperBound)
        }
    }
}
