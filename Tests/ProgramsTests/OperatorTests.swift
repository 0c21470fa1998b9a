import Programs
import TestSupport
import Testing

/// Every operator against NumPy and SciPy, over the case table of Fixtures/operators.
struct OperatorTests {
    /// All that are computed as they stand; the others stand for a part of a model, or for a kernel.
    static let operators = Operator.allCases.filter {
        !$0.isLeaf && ![.stopGradient, .base, .call, .project, .attend, .tableRows, .textCache].contains($0)
    }

    @Test func everyOperatorHasCases() {
        let covered = Set(OperatorCase.all.map(\.op))
        #expect(Self.operators.filter { !covered.contains($0) }.isEmpty)
        #expect(OperatorCase.all.count > 900)
    }

    @Test(arguments: operators)
    func forward(_ op: Operator) throws {
        for item in OperatorCase.all where item.op == op {
            let graph = try item.graph()
            let node = graph.nodes[graph.outputs[0].node]
            #expect(node.results == item.results.map(\.type), "\(item)")
            let results = try Evaluator.run(graph, item.context) { node in item.argument(node) }
            for (result, expected) in zip(results, item.results) {
                #expect(result.shape == item.sizes.shape(expected.type), "\(item)")
                #expect(
                    isClose(result.values, expected.values, 1e-11), "\(item): \(result.values) not \(expected.values)")
            }
        }
    }

    @Test func leavesKnownToTheEvaluator() throws {
        let builder = GraphBuilder()
        let outputs = [
            builder.constant([1, 2.5, -3], shape: [3]), builder.iota(4), builder.input(.positions),
            builder.input(.rowOfToken), builder.input(.training), builder.stopGradient(builder.constant(4)),
        ]
        let context = EvaluationContext(rowOffsets: [0, 2, 2, 5], isTraining: false)
        let results = try Evaluator.run(builder.finish(outputs), context) { _ throws(ProgramError) in
            throw ProgramError("no leaf is needed")
        }
        #expect(
            results.map(\.values) == [[1, 2.5, -3], [0, 1, 2, 3], [0, 1, 0, 1, 2], [0, 0, 2, 2, 2], [0], [4]])
    }

    /// A singular value of zero: U is completed to an orthonormal basis.
    @Test func svdOfARankDeficientMatrix() throws {
        let builder = GraphBuilder()
        let a = builder.constant([1, 2, 2, 4, 3, 6, 0, 0], shape: [4, 2])
        let u = builder.append(.svd, [a])
        let (s, vt) = (Value(u.node, 1), Value(u.node, 2))
        let product = builder.matmul(builder.mul(u, s), vt)
        let gram = builder.matmul(u, u, transposeA: true)
        let results = try Evaluator.run(builder.finish([product, gram, s])) { _ in .scalar(0) }
        #expect(isClose(results[0].values, [1, 2, 2, 4, 3, 6, 0, 0], 1e-14))
        #expect(isClose(results[1].values, [1, 0, 0, 1], 1e-14))
        #expect(isClose(results[2].values, [Double(70).squareRoot(), 0], 1e-14))
    }

    @Test func whatCannotBeEvaluatedSaysSo() throws {
        let builder = GraphBuilder()
        let x = builder.argument(0, TensorType([2, 2]))
        let base = builder.base(x, outputs: 3)
        #expect(throws: ProgramError("base cannot be evaluated: it belongs to a site")) {
            try Evaluator.run(builder.finish([base])) { _ in Tensor64([2, 2], [1, 2, 3, 4]) }
        }
        #expect(throws: ProgramError("solve: the matrix is singular")) {
            try Evaluator.run(builder.finish([builder.append(.inverse, [x])])) { _ in Tensor64([2, 2], [1, 2, 2, 4]) }
        }
        #expect(throws: ProgramError("argument: a value of shape [3] with 3 elements, where f32[2,2] means [2, 2]")) {
            try Evaluator.run(builder.finish([x])) { _ in Tensor64([3], [1, 2, 3]) }
        }
        let gathered = builder.gather(x, builder.constant([2], shape: [1], dtype: .i32))
        #expect(throws: ProgramError("gather: the index 2.0 is not in 0..<2")) {
            try Evaluator.run(builder.finish([gathered])) { _ in Tensor64([2, 2], [1, 2, 3, 4]) }
        }
        let dropped = builder.append(.dropout, [x], Attributes(integers: [0], scalars: [0.5]))
        #expect(throws: ProgramError("dropout: the evaluator was given no random numbers")) {
            try Evaluator.run(builder.finish([dropped])) { _ in Tensor64([2, 2], [1, 2, 3, 4]) }
        }
        let still = try Evaluator.run(builder.finish([dropped]), EvaluationContext(isTraining: false)) { _ in
            Tensor64([2, 2], [1, 2, 3, 4])
        }
        #expect(still[0].values == [1, 2, 3, 4])
    }
}

extension OperatorCase {
    func argument(_ node: Node) -> Tensor64 {
        let operand = operands[node.attributes.integers[0]]
        return Tensor64(sizes.shape(operand.type), operand.values)
    }
}

/// Within `tolerance` of each other, relative where the numbers are above 1.
func isClose(_ a: [Double], _ b: [Double], _ tolerance: Double) -> Bool {
    a.count == b.count && zip(a, b).allSatisfy { $0 == $1 || abs($0 - $1) <= tolerance * max(1, abs($1)) }
}
