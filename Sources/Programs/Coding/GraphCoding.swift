/// How large a coded graph may be. It comes from a child process or from an adapter's folder: nobody vouches for it.
package struct CodingLimits: Hashable, Sendable {
    package var bytes = 16 << 20
    package var nodes = 1 << 16
    package var operands = 4096
    /// A node's integers.
    package var integers = 64
    /// A node's numbers.
    package var scalars = 1 << 16
    /// The numbers of all nodes together.
    package var constants = 1 << 20
    /// Bytes of one name.
    package var text = 1024
    package var outputs = 1 << 16

    package init() {}
}

/// The coded form: magic, operator set, nodes, outputs, the counts in front. A node is its operator's number, operands
/// (how many nodes back, which result), integers, numbers, text, and the types of its results.
///
/// Types are written so that a reader whose rules differ says so; they are inferred again and never trusted.
extension Graph {
    /// The operator set of this version. A program names its own.
    package static let operatorSet = "peft.ops/1"
    private static let magic = Array("PEFTGRPH".utf8)

    package func encode() -> [UInt8] {
        var writer = ByteWriter()
        encode(into: &writer)
        return writer.bytes
    }

    package func encode(into writer: inout ByteWriter) {
        writer.write(raw: Self.magic)
        writer.write(text: Self.operatorSet)
        writer.write(count: nodes.count)
        for (index, node) in nodes.enumerated() { Self.encode(node, at: index, into: &writer) }
        writer.write(count: outputs.count)
        for output in outputs { Self.encode(output, at: nodes.count, into: &writer) }
    }

    package static func decode(
        _ bytes: [UInt8], limits: CodingLimits = CodingLimits()
    ) throws(ProgramError) -> Graph {
        guard bytes.count <= limits.bytes else {
            throw ProgramError("a coded program has \(bytes.count) bytes; at most \(limits.bytes)")
        }
        var reader = ByteReader(bytes)
        let graph = try decode(from: &reader, limits: limits)
        try reader.finish()
        return graph
    }

    /// A graph among other things; the bytes behind it stay in the reader.
    package static func decode(
        from reader: inout ByteReader, limits: CodingLimits
    ) throws(ProgramError) -> Graph {
        guard reader.remaining >= magic.count, try Array(reader.raw(magic.count)) == magic else {
            throw reader.error("this is not a coded graph")
        }
        let set = try reader.text(upTo: 64, "the operator set")
        guard set == operatorSet else {
            throw reader.error(
                "the program is written for \(set.debugDescription); this version knows \(operatorSet), so it needs a newer "
                    + "peft-host")
        }
        var graph = Graph()
        var constants = 0
        let count = try reader.count(upTo: limits.nodes, ofBytes: 5, "nodes")
        graph.nodes.reserveCapacity(count)
        for _ in 0..<count {
            let node = try graph.decodeNode(from: &reader, limits: limits)
            constants += node.attributes.scalars.count
            guard constants <= limits.constants else {
                throw reader.error("the constants have more than \(limits.constants) elements")
            }
            graph.nodes.append(node)
        }
        for _ in 0..<(try reader.count(upTo: limits.outputs, ofBytes: 2, "outputs")) {
            graph.outputs.append(try graph.decodeValue(from: &reader))
        }
        return graph
    }

    private static func encode(_ value: Value, at index: Int, into writer: inout ByteWriter) {
        writer.write(count: index - value.node)
        writer.write(count: value.result)
    }

    private static func encode(_ node: Node, at index: Int, into writer: inout ByteWriter) {
        writer.write(count: Int(node.op.rawValue))
        writer.write(count: node.inputs.count)
        for input in node.inputs { encode(input, at: index, into: &writer) }
        writer.write(count: node.attributes.integers.count)
        for integer in node.attributes.integers { writer.write(signed: integer) }
        writer.write(count: node.attributes.scalars.count)
        for scalar in node.attributes.scalars { writer.write(double: scalar) }
        writer.write(text: node.attributes.text)
        writer.write(count: node.results.count)
        for type in node.results {
            writer.write(count: Int(type.dtype.rawValue))
            writer.write(count: type.rank)
            for dim in type.shape { writer.write(signed: dim.code) }
        }
    }

    /// A value of the nodes decoded so far.
    private func decodeValue(from reader: inout ByteReader) throws(ProgramError) -> Value {
        let distance = try reader.index(upTo: nodes.count, "an operand's distance")
        let value = Value(nodes.count - distance, try reader.index(upTo: Int(UInt16.max), "an operand's result"))
        guard contains(value) else { throw reader.error("an operand does not refer to an earlier value") }
        return value
    }

    private func decodeNode(from reader: inout ByteReader, limits: CodingLimits) throws(ProgramError) -> Node {
        let number = try reader.index(upTo: Int(UInt16.max), "an operator's number")
        guard let op = Operator(rawValue: UInt16(number)) else {
            throw reader.error(
                "the \(Self.operatorSet) of this version has no operator \(number); it needs a newer peft-host")
        }
        var inputs: [Value] = []
        for _ in 0..<(try reader.count(upTo: limits.operands, ofBytes: 2, "operands")) {
            inputs.append(try decodeValue(from: &reader))
        }
        var attributes = Attributes()
        for _ in 0..<(try reader.count(upTo: limits.integers, "integers")) {
            attributes.integers.append(try reader.signed())
        }
        for _ in 0..<(try reader.count(upTo: limits.scalars, ofBytes: 8, "numbers")) {
            attributes.scalars.append(try reader.double())
        }
        attributes.text = try reader.text(upTo: limits.text, "a name")
        let results = try inferTypes(op, inputs.map(type), attributes)
        try Self.compareTypes(results, from: &reader)
        return Node(op, inputs, attributes, results: results)
    }

    /// That the types written are the ones inferred.
    private static func compareTypes(_ types: [TensorType], from reader: inout ByteReader) throws(ProgramError) {
        var isEqual = try reader.index(upTo: Int(UInt16.max), "the number of results") == types.count
        for type in types where isEqual {
            let (dtype, rank) = (try reader.unsigned(), try reader.unsigned())
            isEqual = dtype == UInt64(type.dtype.rawValue) && rank == UInt64(type.rank)
            for dim in type.shape where isEqual { isEqual = try reader.signed() == dim.code }
        }
        guard isEqual else {
            throw reader.error("the results written are not \(types.map(\.name).joined(separator: ", "))")
        }
    }
}

extension Graph {
    /// Checks a graph that was not built here: every type is inferred again and every rule of the scope applied.
    package func verify(scope: GraphBuilder.Scope) throws(ProgramError) {
        var ordinals: Set<Int> = []
        for (index, node) in nodes.enumerated() {
            guard node.inputs.allSatisfy({ $0.node < index && contains($0) }) else {
                throw ProgramError("%\(index) \(node.op.name): an operand does not refer to an earlier value")
            }
            let types = node.inputs.map(type)
            do throws(ProgramError) {
                let results = try inferTypes(node.op, types, node.attributes)
                guard results == node.results else {
                    throw ProgramError("\(node.op.name): its results have other types")
                }
                try scope.check(node.op, types, results, node.attributes)
                if node.op.isRandom, scope != .host {
                    guard ordinals.insert(node.attributes.integers[0]).inserted, node.attributes.text.isEmpty else {
                        throw ProgramError("\(node.op.name): two draws of one stream")
                    }
                }
            } catch {
                throw ProgramError("%\(index) \(error.message)")
            }
        }
        guard outputs.allSatisfy(contains) else { throw ProgramError("a graph's output is not a value of it") }
    }
}
