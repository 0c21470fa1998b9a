import CPeftPlugin
import Programs

/// `PEFT_FAILED` and `PEFT_ABSENT`, whose casts Swift does not import.
let failedValue: peft_value = 0
let absentValue = peft_value.max

/// Values as a plugin sees them: 20 bits generation of the trace, 20 bits number space (a graph, or the parameters of a
/// callback), 24 bits index. So one that is stale, forged or foreign is found out.
extension Trace {
    private static let indexBits: UInt64 = 24
    private static let spaceBits: UInt64 = 20

    private func identifier(space: UInt64, index: Int) -> peft_value {
        guard index < 1 << Self.indexBits, space < 1 << Self.spaceBits else {
            fail("more values or graphs than a trace may have")
            return failedValue
        }
        let generation = generation & ((1 << 20) - 1)
        return generation << (Self.indexBits + Self.spaceBits) | space << Self.indexBits | UInt64(index)
    }

    /// Hands out a value of the open graph.
    func issue(_ value: Value, in graph: OpenGraph) -> peft_value {
        guard error == nil, value != .none else { return failedValue }
        graph.values.append(value)
        return identifier(space: graph.space, index: graph.values.count - 1)
    }

    /// Hands out a parameter or buffer.
    func issue(_ reference: TraceTensors.Reference, space: UInt64) -> peft_value {
        tensors.references.append(reference)
        return identifier(space: space, index: tensors.references.count - 1)
    }

    private enum Meaning {
        case node(Value)
        case tensor(TraceTensors.Reference)
    }

    private func meaning(of value: peft_value, _ name: String) -> Meaning? {
        guard error == nil else { return nil }
        func refuse(_ why: String) -> Meaning? {
            fail("\(name): the value 0x\(String(value, radix: 16)) \(why)")
            return nil
        }
        switch value {
        case failedValue: return refuse("(PEFT_FAILED) was given though nothing failed before")
        case absentValue: return refuse("(PEFT_ABSENT) was given where a value is needed")
        default: break
        }
        let space = value >> Self.indexBits & ((1 << Self.spaceBits) - 1)
        let index = Int(value & ((1 << Self.indexBits) - 1))
        guard value >> (Self.indexBits + Self.spaceBits) == generation & ((1 << 20) - 1) else {
            return refuse("is not one of this trace: it is forged, or was kept from another one")
        }
        if let openGraph, space == openGraph.space {
            return openGraph.values.indices.contains(index)
                ? .node(openGraph.values[index]) : refuse("was never made in this graph: it is forged")
        }
        if space == callbackSpace || space == tensors.planSpace {
            guard tensors.references.indices.contains(index) else { return refuse("is no parameter: it is forged") }
            let reference = tensors.references[index]
            if space == callbackSpace || reference.site == nil { return .tensor(reference) }
        }
        return refuse("is stale: the graph or the callback that made it has ended")
    }

    /// The parameter or buffer that a value stands for.
    func tensor(_ value: peft_value, _ name: String) -> TraceTensors.Reference? {
        switch meaning(of: value, name) {
        case .tensor(let reference): return reference
        case .node:
            fail("\(name): takes a parameter or buffer, not something computed")
            return nil
        case nil: return nil
        }
    }

    /// The node of the open graph that a value stands for; parameters become leaves of the graph.
    func node(_ value: peft_value, _ name: String, in graph: OpenGraph) -> Value {
        switch meaning(of: value, name) {
        case .node(let value): return value
        case .tensor(let reference): return leaf(reference, in: graph)
        case nil: return .none
        }
    }

    /// The leaf of a parameter, numbered as ``MethodProgram`` says.
    private func leaf(_ reference: TraceTensors.Reference, in graph: OpenGraph) -> Value {
        let number: Int
        if case .inject = phase {
            number = reference.site == nil ? MethodProgram.methodTensors + reference.index : reference.index
        } else {
            number = tensors.number(reference)
        }
        return graph.builder.parameter(number, tensors.declaration(reference).type)
    }

    /// The type of a value, in a graph or without one.
    func type(_ value: peft_value, _ name: String) -> TensorType? {
        switch meaning(of: value, name) {
        case .node(let value): openGraph.map { $0.builder.type(value) }
        case .tensor(let reference): tensors.declaration(reference).type
        case nil: nil
        }
    }

    // MARK: Operators

    /// The open graph, or an error that names the function that needs one.
    func graph(for name: String) -> OpenGraph? {
        guard error == nil else { return nil }
        if openGraph == nil { fail("\(name): no graph is open", remedy: "call begin first") }
        return openGraph
    }

    /// One operator on values of the open graph: its first result.
    func apply(
        _ name: String, _ inputs: [peft_value], _ operation: (GraphBuilder, [Value]) -> Value
    ) -> peft_value {
        guard let graph = graph(for: name) else { return failedValue }
        let operands = inputs.map { node($0, name, in: graph) }
        guard error == nil else { return failedValue }
        let result = operation(graph.builder, operands)
        return finish(name, result, in: graph)
    }

    /// Takes over the builder's error, if there is one.
    private func finish(_ name: String, _ result: Value, in graph: OpenGraph) -> peft_value {
        if let error = graph.builder.error {
            fail(error.message.hasPrefix(name) ? error.message : "\(name): \(error.message)")
        } else if graph.builder.graph.nodes.count > OpenGraph.maximumNodes {
            fail("\(name): the graph has more than \(OpenGraph.maximumNodes) operators")
        }
        return issue(result, in: graph)
    }

    /// The later results of an operator that `apply` gave the first of.
    func laterResult(_ index: Int, of first: peft_value) -> peft_value {
        guard error == nil, first != failedValue, let openGraph else { return failedValue }
        let value = node(first, "result", in: openGraph)
        return issue(Value(value.node, index), in: openGraph)
    }

    /// A list that the plugin passes as a count and a pointer.
    func list<T>(_ name: String, _ count: Int64, _ pointer: UnsafePointer<T>?, atMost limit: Int64) -> [T]? {
        guard error == nil else { return nil }
        guard (0...limit).contains(count) else {
            fail("\(name): a count of \(count); it must be from 0 to \(limit)")
            return nil
        }
        guard count > 0 else { return [] }
        guard let pointer else {
            fail("\(name): a count of \(count), but the pointer is NULL")
            return nil
        }
        return Array(UnsafeBufferPointer(start: pointer, count: Int(count)))
    }

    /// A shape that the plugin passes. Symbols stand first, and only where the graph has tokens.
    func shape(_ name: String, _ rank: Int32, _ sizes: UnsafePointer<Int64>?) -> Shape? {
        guard let sizes = list(name, Int64(rank), sizes, atMost: Int64(PEFT_MAX_RANK)) else { return nil }
        var count: Int64 = 1
        for (axis, size) in sizes.enumerated() {
            let isSymbol = axis == 0 && (Dim.rows.code...Dim.tokens.code).contains(Int(size))
            guard size >= 0 || isSymbol && openGraph?.kind.hasTokens == true else {
                fail("\(name): axis \(axis) of the shape \(sizes) has the size \(size)")
                return nil
            }
            let (product, overflow) = count.multipliedReportingOverflow(by: isSymbol ? 1 : size)
            guard !overflow, max(product, size) <= 1 << 34 else {
                fail("\(name): the shape \(sizes) is too large")
                return nil
            }
            count = product
        }
        return sizes.map { Dim(Int($0)) }
    }
}
