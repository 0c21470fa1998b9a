import Programs
import TestSupport
import Testing

/// The coded form: what is written is read back, and whatever else is read is an error.
struct CodingTests {
    /// A graph with every kind of content: all operators of the table, names, constants, many results.
    static func sample() throws -> Graph {
        let g = GraphBuilder()
        var outputs: [Value] = []
        var seen: Set<Operator> = []
        for item in OperatorCase.all where seen.insert(item.op).inserted {
            let value = item.apply(in: g)
            outputs.append(Value(value.node, item.results.count - 1))
        }
        outputs += [
            g.constant([1, -0.0, .infinity, .nan, 1e-300], shape: [5]), g.frozen("model.ü.weight", TensorType([3, 4])),
            g.site(.bias, TensorType([7])), g.parameter(12, TensorType([.rows, 2])), g.input(.totalSteps), g.iota(6),
        ]
        return try g.finish(outputs)
    }

    @Test func roundTrip() throws {
        let graph = try Self.sample()
        let bytes = graph.encode()
        let decoded = try Graph.decode(bytes)
        #expect(decoded == graph)
        #expect(decoded.encode() == bytes)
        #expect(try Graph.decode(Graph().encode()) == Graph())
        try decoded.verify(scope: .host)
    }

    /// The first bytes are frozen: magic, operator set, one node (constant 1), one output.
    @Test func bytesOnDisk() throws {
        let g = GraphBuilder()
        let bytes = try g.finish([g.constant(1)]).encode()
        let one: [UInt8] = [0, 0, 0, 0, 0, 0, 0xF0, 0x3F]
        #expect(
            bytes == Array("PEFTGRPH".utf8) + [10] + Array("peft.ops/1".utf8) + [1, 6, 0, 1, 0, 1] + one + [0, 1, 0, 0]
                + [1, 1, 0])
    }

    @Test func otherVersionsAreNamed() throws {
        var bytes = Graph().encode()
        bytes[18] = UInt8(ascii: "2")
        #expect {
            try Graph.decode(bytes)
        } throws: { error in
            (error as? ProgramError)?.message.contains("\"peft.ops/2\"; this version knows peft.ops/1") == true
        }
        #expect(throws: ProgramError("coded program, byte 8: this is not a coded graph")) {
            try Graph.decode(Array("PEFTGRPX".utf8))
        }
        #expect(throws: ProgramError.self) { try Graph.decode([]) }
    }

    /// Any prefix is an error, and so is anything that follows.
    @Test func truncation() throws {
        let bytes = try Self.sample().encode()
        for length in bytes.indices {
            #expect(throws: ProgramError.self) { try Graph.decode(Array(bytes.prefix(length))) }
        }
        #expect(throws: ProgramError.self) { try Graph.decode(bytes + [0]) }
    }

    @Test func mutations() throws {
        let bytes = try Self.sample().encode()
        var stream = Stream(99)
        var accepted = 0
        for _ in 0..<10_000 {
            var mutated = bytes
            for _ in 0..<Int.random(in: 1...4, using: &stream) {
                let place = Int.random(in: 19..<mutated.count, using: &stream)
                switch Int.random(in: 0..<6, using: &stream) {
                case 0: mutated[place] ^= 1 << UInt8.random(in: 0..<8, using: &stream)
                case 1: mutated[place] = UInt8.random(in: 0...255, using: &stream)
                case 2: mutated.insert(UInt8.random(in: 0...255, using: &stream), at: place)
                case 3: mutated.remove(at: place)
                case 4: mutated.replaceSubrange(place..<place, with: Array(repeating: 0xFF, count: 9) + [1])
                default: mutated.removeLast(mutated.count - place)
                }
                if mutated.count < 20 { break }
            }
            do throws(ProgramError) {
                let graph = try Graph.decode(mutated)
                #expect(graph.encode() == mutated)
                try graph.verify(scope: .host)
                #expect(!graph.text.isEmpty)
                _ = graph.canonical()
                accepted += 1
            } catch {
                #expect(!error.message.isEmpty)
            }
        }
        #expect(accepted > 100)
    }

    /// A count that promises more than there is fails before anything of its size is made.
    @Test(
        arguments: [
            "nodes": [0xFF, 0xFF, 3], "operands": [1, 50, 0xFF, 0x1F, 0, 0, 0], "integers": [1, 50, 0, 64, 0, 0],
            "numbers": [1, 6, 0, 1, 0, 0xFF, 0xFF, 3], "bytes of a name": [1, 50, 0, 0, 0, 0xFF, 7],
            "outputs": [0, 0xFF, 0xFF, 3],
        ] as [String: [UInt8]])
    func absurdCounts(_ what: String, _ rest: [UInt8]) throws {
        #expect {
            try Graph.decode(Array(Graph().encode().dropLast(2)) + rest)
        } throws: { error in
            let message = (error as? ProgramError)?.message ?? ""
            return message.contains(what) && message.contains("need more than the")
        }
    }

    @Test func limits() throws {
        let graph = try Self.sample()
        let bytes = graph.encode()
        func decode(_ change: (inout CodingLimits) -> Void) throws {
            var limits = CodingLimits()
            change(&limits)
            _ = try Graph.decode(bytes, limits: limits)
        }
        let most = { (count: KeyPath<Node, Int>) in graph.nodes.map { $0[keyPath: count] }.max()! }
        let constants = graph.nodes.reduce(0) { $0 + $1.attributes.scalars.count }
        for under in [0, 1] {
            let changes: [(inout CodingLimits) -> Void] = [
                { $0.bytes = bytes.count - under }, { $0.nodes = graph.nodes.count - under },
                { $0.operands = most(\.inputs.count) - under },
                { $0.integers = most(\.attributes.integers.count) - under },
                { $0.scalars = most(\.attributes.scalars.count) - under }, { $0.constants = constants - under },
                { $0.text = most(\.attributes.text.utf8.count) - under }, { $0.outputs = graph.outputs.count - under },
            ]
            for change in changes {
                if under == 0 {
                    #expect(throws: Never.self) { try decode(change) }
                } else {
                    #expect(throws: ProgramError.self) { try decode(change) }
                }
            }
        }
    }

    @Test func typesAreNotTrusted() throws {
        let g = GraphBuilder()
        let x = g.argument(0, TensorType([2, 3]))
        var graph = try g.finish([g.unary(.tanh, x)])
        graph.nodes[1].results = [TensorType([3, 2])]
        #expect {
            try Graph.decode(graph.encode())
        } throws: { error in
            (error as? ProgramError)?.message.hasSuffix("the results written are not f32[2,3]") == true
        }
        #expect(throws: ProgramError("%1 tanh: its results have other types")) { try graph.verify(scope: .host) }
        graph.nodes.swapAt(0, 1)
        #expect(throws: ProgramError("%0 tanh: an operand does not refer to an earlier value")) {
            try graph.verify(scope: .host)
        }
    }

    /// Two draws of one stream would be one draw.
    @Test func verifyRefusesRepeatedOrdinals() throws {
        let g = GraphBuilder(scope: .tokenLocal)
        let x = g.argument(0, TensorType([.tokens, 2]))
        var graph = try g.finish([g.dropout(x, probability: 0.5), g.dropout(x, probability: 0.25)])
        try graph.verify(scope: .tokenLocal)
        graph.nodes[2].attributes.integers = [0]
        #expect(throws: ProgramError("%2 dropout: two draws of one stream")) { try graph.verify(scope: .tokenLocal) }
        try graph.verify(scope: .host)
    }

    @Test func integersHaveOneCoding() throws {
        var writer = ByteWriter()
        let values = [0, 1, -1, 63, -64, 64, 300, -300, Int.max, Int.min, Int.max - 1]
        for value in values { writer.write(signed: value) }
        writer.write(unsigned: .max)
        writer.write(double: -0.1)
        writer.write(text: "é")
        var reader = ByteReader(writer.bytes)
        for value in values { #expect(try reader.signed() == value) }
        #expect(try reader.unsigned() == .max)
        #expect(try reader.double() == -0.1)
        #expect(try reader.text(upTo: 2, "a text") == "é")
        try reader.finish()
        for wrong: [UInt8] in [
            [0x80, 0], [0xFF, 0x80, 0], Array(repeating: 0xFF, count: 9) + [2], Array(repeating: 0xFF, count: 20),
            [0x80],
        ] {
            #expect(throws: ProgramError.self) {
                var reader = ByteReader(wrong)
                _ = try reader.unsigned()
            }
        }
        #expect(throws: ProgramError.self) {
            var reader = ByteReader([2, 0xC3, 0x28])
            _ = try reader.text(upTo: 8, "a text")
        }
    }
}

/// `inferTypes` against hostile operands and attributes: a result or an error, never a trap.
struct InferenceFuzzTests {
    static let numbers = [
        0, 1, 2, 3, 4, -1, -2, -3, -4, 7, 1 << 16, 1 << 31, 1 << 34, 1 << 40, Int.max, Int.min, Int.max - 1,
        Int.min + 1, 29,
    ]
    static let doubles = [0, 0.5, 1, -1, Double.nan, .infinity, -.infinity, 1e-5, 1e308]

    @Test(arguments: Operator.allCases)
    func hostileAttributes(_ op: Operator) {
        var stream = Stream(UInt64(op.rawValue))
        let valid = OperatorCase.all.filter { $0.op == op }
        func pick<T>(_ values: [T]) -> T { values.randomElement(using: &stream)! }
        func type() -> TensorType {
            TensorType(
                (0..<pick([0, 1, 2, 2, 3, 4, 9])).map { _ in Dim(pick(Self.numbers)) }, pick([.f32, .f32, .i32]))
        }
        for _ in 0..<1000 {
            var operands: [TensorType]
            var attributes: Attributes
            if let item = valid.randomElement(using: &stream), Bool.random(using: &stream) {
                (operands, attributes) = (item.operands.map(\.type), item.attributes)
            } else {
                operands = (0..<pick([0, 1, 2, 3, 4, 5, 6, 8])).map { _ in type() }
                attributes = Attributes(
                    integers: (0..<(op.isLeaf ? pick([1, 2, 3, 4]) : pick([0, 1, 2, 3, 8]))).map { _ in
                        pick(Self.numbers)
                    },
                    scalars: (0..<pick([0, 1, 2])).map { _ in pick(Self.doubles) })
            }
            switch pick([0, 1, 2, 3]) {
            case 0 where !operands.isEmpty: operands[Int.random(in: operands.indices, using: &stream)] = type()
            case 1 where !attributes.integers.isEmpty:
                attributes.integers[Int.random(in: attributes.integers.indices, using: &stream)] = pick(Self.numbers)
            case 2: attributes.integers.append(pick(Self.numbers))
            default: attributes.scalars = attributes.scalars.map { _ in pick(Self.doubles) }
            }
            guard let results = try? inferTypes(op, operands, attributes) else { continue }
            #expect(!results.isEmpty && results.allSatisfy { $0.rank <= 6 && $0.fixedCount >= 0 })
            // What is well-typed can be checked, printed, coded and differentiated without a trap.
            let builder = GraphBuilder()
            let arguments = operands.enumerated().map { builder.argument($0.offset, $0.element) }
            let value = builder.append(op, arguments, attributes)
            guard var graph = try? builder.finish([value]) else { continue }
            graph.outputs = results.indices.map { Value(value.node, $0) }
            #expect((try? Graph.decode(graph.encode())) == graph)
            #expect(!graph.text.isEmpty)
            _ = try? graph.verify(scope: .tokenLocal)
            _ = builder.gradients(of: builder.reduce(.sum, value), by: arguments)
        }
    }

    /// What is refused, by name: an empty list, a number out of range, an overflow.
    @Test(
        arguments: [
            (Operator.reshape, [0, Int.max, 2], "is too large"), (.reshape, [Int.max, Int.max], "is too large"),
            (.reshape, [-4, 6], "only the first axis can be a symbol"),
            (.transpose, [0, 0], "is not an order of the axes"),
            (.transpose, [], "is not an order of the axes"), (.slice, [0, -1, 1], "is not inside axis 0"),
            (.slice, [Int.min, 0, 1], "axis \(Int.min) of 2"), (.slice, [0, Int.max, Int.min], "is not inside axis 0"),
            (.sum, [], "its axes are missing"), (.sum, [2], "2 is neither 0 nor 1"),
            (.sum, [0, 1, 0], "axes must ascend"),
            (.broadcast, [1, 1, 1, 1, 1, 2, 3], "7 axes; at most 6"), (.topK, [0], "k = 0"), (.topK, [4], "k = 4"),
            (.cumsum, [2], "axis 2 of 2"), (.cast, [2], "no element type has the number 2"),
            (.base, [-1], "-1 outputs"),
            (.concat, [-1], "axis -1 of 2"), (.softmax, [0], "needs 0 integers, not 1"),
        ] as [(Operator, [Int], String)])
    func refused(_ op: Operator, _ integers: [Int], _ message: String) throws {
        let error = #expect(throws: ProgramError.self) {
            try inferTypes(op, [TensorType([2, 3])], Attributes(integers: integers))
        }
        #expect(try #require(error).message.contains(message))
    }
}
