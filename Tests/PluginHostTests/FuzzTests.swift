import PluginHost
import Programs
import Testing

/// Programs as a hostile child or a hostile adapter would send them.
@Suite struct FuzzTests {
    /// SplitMix64 (Steele et al. 2014).
    private struct Stream: RandomNumberGenerator {
        var state: UInt64

        mutating func next() -> UInt64 {
            state &+= 0x9E37_79B9_7F4A_7C15
            var z = state
            z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
            z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
            return z ^ (z >> 31)
        }
    }

    /// 10,000 programs with flipped bits, changed and inserted lengths, cut ends, and pieces of one in another: each gives
    /// an error or a valid method, whose cost can be told and which is written as it was read.
    @Test func mutatedPrograms() throws {
        let lora = try traceTiny(try Build.load(try Build.plugin("lora.c", manifest: .lora)))
        let seeds = [try MethodCodingTests.program().encode(), lora.encode()]
        var valid = 0
        for round in 0..<10_000 {
            var random = Stream(state: UInt64(round))
            var bytes = seeds[round % 2]
            for _ in 0..<Int.random(in: 1...4, using: &random) { Self.mutate(&bytes, seeds, &random) }
            guard let program = try? MethodProgram.decode(bytes) else { continue }
            valid += 1
            #expect(program.encode() == bytes, "round \(round)")
            for graph in program.graphs {
                let work = graph.work
                #expect(work.elements <= Work.most.elements && work.operations <= Work.most.operations)
            }
        }
        // Of both kinds: a name or a number may change and the program be one.
        #expect((1..<9_000).contains(valid))
    }

    private static func mutate(_ bytes: inout [UInt8], _ seeds: [[UInt8]], _ random: inout Stream) {
        guard !bytes.isEmpty else { return }
        let place = Int.random(in: 0..<bytes.count, using: &random)
        switch Int.random(in: 0..<6, using: &random) {
        case 0, 1: bytes[place] ^= 1 << UInt8.random(in: 0..<8, using: &random)
        case 2: bytes[place] = [0, 1, 0x7F, 0x80, 0xFF].randomElement(using: &random)!
        // A length or a number of up to 64 bits.
        case 3:
            var number = ByteWriter()
            number.write(
                unsigned: UInt64.random(in: 0...(.max), using: &random) >> UInt64.random(in: 0..<64, using: &random))
            bytes.replaceSubrange(place..<(place + 1), with: number.bytes)
        case 4: bytes.removeSubrange(place..<min(bytes.count, place + Int.random(in: 1...64, using: &random)))
        default:
            let other = seeds.randomElement(using: &random)!
            let first = Int.random(in: 0..<other.count, using: &random)
            let piece = other[first..<min(other.count, first + Int.random(in: 1...256, using: &random))]
            bytes.replaceSubrange(place..<min(bytes.count, place + piece.count / 2), with: piece)
        }
    }

    /// A small program that would take a machine for weeks, in one graph, is refused before anything is made.
    @Test func tooMuchWork() throws {
        var program = try MethodCodingTests.program()
        let g = GraphBuilder()
        var x = g.constant([1], shape: [])
        x = g.broadcast(x, [Dim(1 << 17), Dim(1 << 17)])
        for _ in 0..<2 { x = g.matmul(x, x) }
        let sum = g.append(.sum, [x], Attributes(integers: [0]))
        let graph = try g.finish([sum])
        program.regularizer = program.add(graph)
        let error = #expect(throws: ProgramError.self) { try MethodProgram.decode(program.encode()) }
        #expect(error?.message.contains("operations; at most") == true, "\(error!)")
    }
}
