/// What running a graph once costs, estimated from its shapes: with one token, one row and one target, so that what a batch
/// multiplies is left out.
package struct Work: Hashable, Sendable {
    /// Of all values together.
    package var elements = 0.0
    /// Multiplications and what takes as long.
    package var operations = 0.0

    /// More than any method of the field needs, by a factor of a hundred or more: 64 GB of float32, and about a quarter of
    /// an hour of one machine's cores.
    package static let most = Work(elements: 0x1p34, operations: 1e14)
}

extension Graph {
    package var work: Work {
        var work = Work()
        for node in nodes {
            work.elements += node.results.reduce(0) { $0 + $1.size }
            work.operations += operations(of: node)
        }
        return work
    }

    func operations(of node: Node) -> Double {
        let operands = node.inputs.map(type)
        let result = node.results.reduce(0) { $0 + $1.size }
        let largest = operands.map(\.size).reduce(result, Swift.max)
        func last(_ axis: Int, of operand: Int) -> Double {
            guard operands.indices.contains(operand), operands[operand].rank >= axis else { return 1 }
            return operands[operand].shape[operands[operand].rank - axis].size
        }
        switch node.op {
        case _ where node.op.isLeaf: return 0
        case .matmul: return result * last(node.attributes.integers.first == 1 ? 2 : 1, of: 0)
        case .base, .project: return result * last(1, of: 0)
        case .attention, .attend: return result * last(2, of: 1)
        // A one-sided Jacobi sweep is of this order, and needs some.
        case .solve, .inverse, .qr, .svd: return 30 * last(1, of: 0) * largest
        case .sort, .topK, .kthValue: return 64 * largest
        default: return largest
        }
    }
}

extension Dim {
    fileprivate var size: Double { Double(fixed ?? 1) }
}

extension TensorType {
    fileprivate var size: Double { shape.reduce(1) { $0 * $1.size } }
}

extension MethodProgram {
    /// Whether every graph of the method takes no more than can be meant.
    package var isWithinLimits: Bool { (try? verifyWork()) != nil }

    /// That no graph of the method takes more than can be meant: before anything of its size is made.
    func verifyWork() throws(ProgramError) {
        for (index, graph) in graphs.enumerated() {
            let work = graph.work
            guard work.elements <= Work.most.elements, work.operations <= Work.most.operations else {
                throw ProgramError(
                    "graph \(index) has values of \(work.elements) elements and takes \(work.operations) operations; "
                        + "at most \(Work.most.elements) and \(Work.most.operations)")
            }
        }
    }
}
