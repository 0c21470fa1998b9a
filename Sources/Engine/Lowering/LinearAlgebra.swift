import Kernels
import Programs

extension Lowering {
    /// solve, inverse, qr and svd: one tile a matrix, by one single-threaded call of LAPACK.
    mutating func lowerLinearAlgebra(_ index: Int, _ node: Node) throws(EngineError) {
        let shape = type(node.inputs[0]).shape.map { $0.fixed ?? 0 }
        let (m, n) = (shape[shape.count - 2], shape[shape.count - 1])
        let matrices = shape.dropLast(2).reduce(1, *)
        let a = try floats(node.inputs[0]), result = try floats(Value(index))
        // The factors of a matrix without elements have none either.
        guard m > 0, n > 0 else { return }
        switch node.op {
        case .solve, .inverse:
            let b = node.op == .solve ? try floats(node.inputs[1]) : nil
            let sides = type(Value(index)).shape.last?.fixed ?? 0
            guard sides > 0 else { return }
            let factorisation = try Factorisation(.solve(sides: sides), rows: m, columns: m)
            emitMatrices(node.op.name, matrices, factorisation) { matrix, scratch in
                factorisation.solve(
                    a + matrix * m * m, b.map { UnsafePointer($0 + matrix * m * sides) }, sides: sides,
                    into: result + matrix * m * sides, scratch)
            }
        case .qr:
            let r = try floats(Value(index, 1))
            let factorisation = try Factorisation(.qr, rows: m, columns: n)
            emitMatrices("qr", 1, factorisation) { _, scratch in factorisation.qr(a, q: result, r: r, scratch) }
        default:
            let (s, vt) = (try floats(Value(index, 1)), try floats(Value(index, 2)))
            let factorisation = try Factorisation(.svd, rows: m, columns: n)
            emitMatrices("svd", 1, factorisation) { _, scratch in
                factorisation.svd(a, u: result, s: s, vt: vt, scratch)
            }
        }
    }

    /// Matrices that fit a thread's scratch memory run in parallel; larger ones one after another in memory of their own.
    private mutating func emitMatrices(
        _ name: String, _ count: Int, _ factorisation: Factorisation,
        _ run: @escaping (Int, UnsafeMutablePointer<Float>) -> Void
    ) {
        if factorisation.scratchCount * 4 <= WorkerPool.scratchBytes {
            emit(name, tiles: { _ in count }) { _, matrix, scratch in
                run(matrix, scratch.assumingMemoryBound(to: Float.self))
            }
        } else {
            let memory = Buffer(count: factorisation.scratchCount)
            keep(memory)
            emit(name, tiles: { _ in 1 }) { _, _, _ in
                for matrix in 0..<count { run(matrix, memory.floats) }
            }
        }
    }
}
