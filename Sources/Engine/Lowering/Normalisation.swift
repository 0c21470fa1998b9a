import Kernels
import Programs

extension Lowering {
    /// Operators over the last axis, and rope: one tile is some rows.
    mutating func lowerNormalisation(_ index: Int, _ node: Node) throws(EngineError) {
        let x = try floats(node.inputs[0])
        let y = try floats(Value(index))
        let width = type(node.inputs[0]).shape.last!.fixed ?? 1
        let rows = Extent(type(node.inputs[0]).shape.dropLast())
        let grain = Swift.max(1, 2048 / Swift.max(width, 1))
        let epsilon = Float(node.attributes.scalars.first ?? 0)
        switch node.op {
        case .softmax:
            emit("softmax", over: rows, grain: grain) { _, range in
                ph_softmax(x, y, width, range.lowerBound, range.upperBound)
            }
        case .softmaxGradient:
            let dy = try floats(node.inputs[1])
            emit("softmaxGradient", over: rows, grain: grain) { _, range in
                ph_softmax_backward(x, dy, y, width, range.lowerBound, range.upperBound)
            }
        case .rmsNorm:
            let (weight, deviation) = (try floats(node.inputs[1]), try floats(Value(index, 1)))
            emit("rmsNorm", over: rows, grain: grain) { _, range in
                ph_rms_norm(x, weight, epsilon, y, deviation, width, range.lowerBound, range.upperBound)
            }
        case .rmsNormGradient:
            let (weight, deviation) = (try floats(node.inputs[1]), try floats(node.inputs[2]))
            let dy = try floats(node.inputs[3])
            emit("rmsNormGradient", over: rows, grain: grain) { _, range in
                ph_rms_norm_backward(x, weight, deviation, dy, nil, y, width, range.lowerBound, range.upperBound)
            }
            if isUsed(Value(index, 1)) {
                let dweight = try floats(Value(index, 1))
                emit("rmsNormWeightGradient", over: Extent([Dim(width)]), grain: 64) { context, range in
                    ph_rms_norm_weight_gradient(
                        x, deviation, dy, dweight, rows.count(context.sizes), width, range.lowerBound, range.upperBound)
                }
            }
        case .layerNorm:
            let (weight, bias) = (try floats(node.inputs[1]), try floats(node.inputs[2]))
            let (mean, deviation) = (try floats(Value(index, 1)), try floats(Value(index, 2)))
            emit("layerNorm", over: rows, grain: grain) { _, range in
                ph_layer_norm(x, weight, bias, epsilon, y, mean, deviation, width, range.lowerBound, range.upperBound)
            }
        case .layerNormGradient:
            let (weight, mean) = (try floats(node.inputs[1]), try floats(node.inputs[2]))
            let (deviation, dy) = (try floats(node.inputs[3]), try floats(node.inputs[4]))
            let (dweight, dbias) = (try floats(Value(index, 1)), try floats(Value(index, 2)))
            emit("layerNormGradient", over: rows, grain: grain) { _, range in
                ph_layer_norm_backward(
                    x, weight, mean, deviation, dy, nil, y, width, range.lowerBound, range.upperBound)
            }
            if isUsed(Value(index, 1)) || isUsed(Value(index, 2)) {
                emit("layerNormWeightGradient", over: Extent([Dim(width)]), grain: 64) { context, range in
                    ph_layer_norm_weight_gradient(
                        x, mean, deviation, dy, dweight, dbias, rows.count(context.sizes), width, range.lowerBound,
                        range.upperBound)
                }
            }
        case .crossEntropy:
            let labels = try ints(node.inputs[1])
            let sums = Buffer(count: capacity.count(type(Value(index))))
            keep(sums)
            emit("crossEntropy", over: rows, grain: 1) { _, range in
                ph_cross_entropy(x, labels, y, sums.floats, width, range.lowerBound, range.upperBound)
            }
        case .crossEntropyGradient:
            let (labels, dloss) = (try ints(node.inputs[1]), try floats(node.inputs[2]))
            let sums = Buffer(count: capacity.count(type(node.inputs[1])))
            let losses = Buffer(count: sums.count)
            keep(sums)
            keep(losses)
            emit("crossEntropyGradient", over: rows, grain: 1) { _, range in
                ph_cross_entropy(x, labels, losses.floats, sums.floats, width, range.lowerBound, range.upperBound)
                ph_cross_entropy_backward(x, labels, sums.floats, dloss, y, width, range.lowerBound, range.upperBound)
            }
        default:
            let (cosine, sine) = (try floats(node.inputs[1]), try floats(node.inputs[2]))
            let heads = type(node.inputs[0]).shape[1].fixed ?? 1
            let inverse = node.attributes.integers[0] != 0
            emit("rope", over: Extent(type(node.inputs[0]).shape.prefix(1)), grain: 8) { _, range in
                ph_rope(x, cosine, sine, y, heads, width, inverse, range.lowerBound, range.upperBound)
            }
        }
    }

    /// Whether some node or output reads the value.
    func isUsed(_ value: Value) -> Bool {
        graph.outputs.contains(value) || graph.nodes.contains { $0.inputs.contains(value) }
    }
}
