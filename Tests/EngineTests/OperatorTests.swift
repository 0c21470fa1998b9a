import Engine
import Kernels
import Programs
import TestSupport
import Testing

/// Every operator in float32 against the numbers of NumPy and SciPy in float64.
struct OperatorTests {
    static let random: Set<Operator> = [.dropout, .bernoulli, .normal, .uniform, .rowBernoulli]
    static let operators = Operator.allCases.filter {
        !$0.isLeaf && ![.stopGradient, .base, .call].contains($0) && !random.contains($0)
    }

    /// What float32 allows: the operands of the table are exact in it, so this is rounding inside an operator.
    static func tolerance(_ op: Operator) -> Double {
        switch op {
        case .solve, .inverse, .qr, .svd: 2e-5
        case .neg, .abs, .relu, .floor, .maximum, .minimum, .equal, .less, .lessEqual, .select, .cast, .max, .reshape,
            .transpose, .slice, .concat, .gather, .broadcast, .rowGather, .sort, .topK, .kthValue, .maxGradient:
            0
        default: 3e-6
        }
    }

    @Test(arguments: operators, [PH_CPU_PLAIN, PH_CPU_AVX2, PH_CPU_AVX512])
    func forward(_ op: Operator, _ level: ph_cpu_level_t) throws {
        ph_cpu_limit_thread(level)
        defer { ph_cpu_limit_thread(PH_CPU_AVX512) }
        for item in OperatorCase.all where item.op == op {
            let results = try run(
                item.graph(), rowOffsets: item.rowOffsets, targets: item.targets, leaf: item.argument)
            for (result, expected) in zip(results, item.results) {
                // The operands as float32 has them; none of the table is rounded.
                let error = distance(result, expected.values)
                #expect(error <= Self.tolerance(op), "\(item): \(error), \(result) not \(expected.values)")
            }
        }
    }

    @Test(arguments: operators)
    func threadsDoNotShow(_ op: Operator) throws {
        for item in OperatorCase.all where item.op == op {
            let one = try run(item.graph(), rowOffsets: item.rowOffsets, targets: item.targets, leaf: item.argument)
            let two = try run(
                item.graph(), rowOffsets: item.rowOffsets, targets: item.targets, threads: 2, leaf: item.argument)
            #expect(one.map { $0.map(\.bitPattern) } == two.map { $0.map(\.bitPattern) }, "\(item)")
        }
    }

    /// A capacity beyond the batch changes nothing.
    @Test(arguments: operators)
    func capacityDoesNotShow(_ op: Operator) throws {
        for item in OperatorCase.all where item.op == op && item.sizes.tokens + item.sizes.targets > 0 {
            let sizes = item.sizes
            let capacity = Sizes(tokens: sizes.tokens + 9, rows: sizes.rows + 3, targets: sizes.targets + 5)
            let exact = try run(item.graph(), rowOffsets: item.rowOffsets, targets: item.targets, leaf: item.argument)
            let roomy = try run(
                item.graph(), rowOffsets: item.rowOffsets, targets: item.targets, capacity: capacity,
                leaf: item.argument)
            #expect(exact.map { $0.map(\.bitPattern) } == roomy.map { $0.map(\.bitPattern) }, "\(item)")
        }
    }

    /// Integers, and values of no token or no target at all.
    @Test func emptyBatches() throws {
        for item in OperatorCase.all where item.operands.contains(where: { $0.type.symbol != nil }) {
            guard !Self.random.contains(item.op),
                item.operands.allSatisfy({ $0.type.symbol == nil || $0.type.symbol == .tokens })
            else { continue }
            for rows in [[0], [0, 0, 0]] {
                let capacity = Sizes(tokens: 4, rows: 2, targets: 4)
                let results = try run(item.graph(), rowOffsets: rows, capacity: capacity) { node in
                    let operand = item.operands[node.attributes.integers[0]]
                    return operand.type.symbol == nil ? operand.values : []
                }
                let sizes = Sizes(tokens: 0, rows: rows.count - 1, targets: 0)
                for (result, type) in zip(results, item.results.map(\.type)) {
                    #expect(result.count == sizes.count(type), "\(item)")
                    if item.op == .rowMean || item.op == .rowSum { #expect(result.allSatisfy { $0 == 0 }, "\(item)") }
                }
            }
        }
    }

    @Test func indicesOutsideShow() throws {
        for wrong in [-1, 3, 1 << 30] {
            let g = GraphBuilder()
            let table = g.argument(0, TensorType([3, 2]))
            let indices = g.constant([1, Double(wrong)], shape: [2], dtype: .i32)
            let graph = try g.finish([
                g.gather(table, indices), g.scatterAdd(indices, g.gather(table, indices), size: 3),
            ])
            let results = try run(graph) { _ in [1, 2, 3, 4, 5, 6] }
            #expect(results[0][..<2] == [3, 4])
            #expect(results[0][2...].allSatisfy { $0.isNaN })
            #expect(results[1].allSatisfy { $0.isNaN })
        }
    }

    @Test func singularMatricesShow() throws {
        let g = GraphBuilder()
        let graph = try g.finish([g.append(.inverse, [g.argument(0, TensorType([2, 2, 2]))])])
        let results = try run(graph) { _ in [1, 2, 2, 4, 1, 0, 0, 2] }
        #expect(results[0][..<4].allSatisfy { $0.isNaN })
        #expect(results[0][4...] == [1, 0, 0, 0.5])
    }
}
