import Kernels
import Programs

extension Lowering {
    mutating func lowerProduct(_ index: Int, _ node: Node) throws(EngineError) {
        if node.op == .contract { return try lowerContract(index, node) }
        if node.inputs.count == 3 { try lowerCopy(of: node.inputs[2], to: Value(index)) }
        let transposeA = node.attributes.integers[0] != 0
        let transposeB = node.attributes.integers[1] != 0
        let b = type(node.inputs[1])
        if !transposeA, b.rank == 2, let tensor = frozen(node.inputs[1]) {
            try lowerLinear(index, node, tensor, transposed: !transposeB)
        } else {
            try lowerMatmul(index, node, transposeA, transposeB)
        }
    }

    /// alpha x (…, in) · Wᵀ, or with `transposed` alpha dy (…, out) · W, straight from the stored blocks, and added to a
    /// third operand where there is one.
    private mutating func lowerLinear(
        _ index: Int, _ node: Node, _ tensor: FrozenTensor, transposed: Bool
    ) throws(EngineError) {
        let x = try floats(node.inputs[0])
        let y = try floats(Value(index))
        let (alpha, accumulates) = (Float(node.alpha), Int32(node.inputs.count == 3 ? 1 : 0))
        let rows = Extent(type(Value(index)).shape.dropLast())
        let (ldx, ldy) = (columns(node.inputs[0]), columns(Value(index)))
        if transposed {
            emit(
                "linearTransposed",
                tiles: { context in
                    withUnsafePointer(to: tensor.weight) {
                        Int(ph_linear_t_tiles($0, Int64(rows.count(context.sizes))))
                    }
                },
                run: { context, tile, scratch in
                    withUnsafePointer(to: tensor.weight) {
                        ph_linear_t_tile(
                            $0, x, ldx, y, ldy, Int64(rows.count(context.sizes)), alpha, accumulates, Int64(tile),
                            scratch)
                    }
                })
        } else {
            emit(
                "linear",
                tiles: { context in
                    withUnsafePointer(to: tensor.weight) { Int(ph_linear_tiles($0, Int64(rows.count(context.sizes)))) }
                },
                run: { context, tile, scratch in
                    withUnsafePointer(to: tensor.weight) {
                        ph_linear_tile(
                            $0, x, ldx, y, ldy, Int64(rows.count(context.sizes)), alpha, accumulates, Int64(tile),
                            scratch)
                    }
                })
        }
    }

    private func columns(_ value: Value) -> Int64 { Int64(type(value).shape.last!.fixed ?? 1) }

    /// A product of one pair of matrices, or of many: `batch` pairs, whose places in a and b are `offsets`.
    private mutating func lowerMatmul(
        _ index: Int, _ node: Node, _ transposeA: Bool, _ transposeB: Bool
    ) throws(EngineError) {
        let (a, b, c) = (try floats(node.inputs[0]), try floats(node.inputs[1]), try floats(Value(index)))
        let (typeA, typeB, typeC) = (type(node.inputs[0]), type(node.inputs[1]), type(Value(index)))
        let flattens = typeB.rank == 2 && !transposeA
        let (alpha, beta) = (Float(node.alpha), Float(node.inputs.count == 3 ? 1 : 0))
        let batch = flattens ? Extent([]) : Extent(typeC.shape.dropLast(2))
        let rows = Extent(flattens ? typeC.shape.dropLast() : typeC.shape.suffix(2).prefix(1))
        let innerDim = typeA.shape[transposeA ? typeA.rank - 2 : typeA.rank - 1]
        let inner = Extent([innerDim][...])
        let outDim = typeC.shape[typeC.rank - 1]
        let (lda, ldb, ldc) = (columns(node.inputs[0]), columns(node.inputs[1]), columns(Value(index)))
        let sizeA = Extent(typeA.shape.suffix(2)), sizeB = Extent(typeB.shape.suffix(2)),
            sizeC = Extent(typeC.shape.suffix(2))
        let layout = BroadcastLayout(
            TensorType(Array(typeC.shape.dropLast(2))),
            [TensorType(Array(typeA.shape.dropLast(2))), TensorType(Array(typeB.shape.dropLast(2)))])
        func operation(_ context: RunContext, _ pair: Int) -> ph_gemm {
            let sizes = context.sizes
            let atA = flattens ? 0 : layout.offset(of: pair, in: 0, sizes)
            let atB = flattens ? 0 : layout.offset(of: pair, in: 1, sizes)
            return ph_gemm(
                m: Int64(rows.count(sizes)), n: Int64(outDim.fixed ?? 1), k: Int64(inner.count(sizes)),
                a: a + atA * sizeA.count(sizes), lda: lda, b: b + atB * sizeB.count(sizes), ldb: ldb,
                c: c + pair * sizeC.count(sizes), ldc: ldc, transpose_a: transposeA ? 1 : 0,
                transpose_b: transposeB ? 1 : 0, alpha: alpha, beta: beta)
        }
        emitProduct("matmul", batch: batch, operation)
    }

    /// aᵀ b with all axes in front of the last flattened.
    private mutating func lowerContract(_ index: Int, _ node: Node) throws(EngineError) {
        let (a, b, c) = (try floats(node.inputs[0]), try floats(node.inputs[1]), try floats(Value(index)))
        let inner = Extent(type(node.inputs[0]).shape.dropLast())
        let alpha = Float(node.alpha)
        let (m, n) = (columns(node.inputs[0]), columns(node.inputs[1]))
        emitProduct("contract", batch: Extent([])) { context, _ in
            ph_gemm(
                m: m, n: n, k: Int64(inner.count(context.sizes)), a: a, lda: m, b: b, ldb: n, c: c, ldc: n,
                transpose_a: 1, transpose_b: 0, alpha: alpha, beta: 0)
        }
    }

    private mutating func emitProduct(
        _ name: String, batch: Extent, _ operation: @escaping (RunContext, Int) -> ph_gemm
    ) {
        emit(
            name,
            tiles: { context in
                let pairs = batch.count(context.sizes)
                guard pairs > 0 else { return 0 }
                var first = operation(context, 0)
                return pairs * Int(ph_gemm_tiles(&first))
            },
            run: { context, tile, scratch in
                var first = operation(context, 0)
                let each = Int(ph_gemm_tiles(&first))
                var pair = operation(context, tile / each)
                ph_gemm_tile(&pair, Int64(tile % each), scratch)
            })
    }
}
