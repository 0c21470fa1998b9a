import PluginHost
import Programs
import Testing

@Suite struct MethodCodingTests {
    static func program() throws -> MethodProgram {
        let defines = ["CASE=whole", "PLAN=plan_whole", "METHOD=method_whole"]
        return try traceTiny(try Build.load(try Build.plugin("broken.c", defines, manifest: .broken)))
    }

    @Test func roundTrips() throws {
        let lora = try Build.load(try Build.plugin("lora.c", manifest: .lora))
        for program in [try Self.program(), try traceTiny(lora, [("target_modules", "all-linear")])] {
            let bytes = program.encode()
            let decoded = try MethodProgram.decode(bytes)
            #expect(decoded == program)
            #expect(decoded.encode() == bytes)
        }
    }

    @Test func everyPrefixIsRefused() throws {
        let bytes = try Self.program().encode()
        for count in 0..<bytes.count {
            #expect(throws: ProgramError.self) { try MethodProgram.decode(Array(bytes.prefix(count))) }
        }
        #expect(throws: ProgramError.self) { try MethodProgram.decode(bytes + [0]) }
    }

    /// Changed bytes give an error or a valid method, never a crash; and what is valid is written back as it was read.
    @Test func changedBytes() throws {
        let bytes = try Self.program().encode()
        var generator = SystemRandomNumberGenerator()
        for place in bytes.indices {
            for value in [0, 1, 0x7F, 0x80, 0xFF, UInt8.random(in: 0...255, using: &generator)] {
                var changed = bytes
                changed[place] = value
                if let decoded = try? MethodProgram.decode(changed) { #expect(decoded.encode() == changed) }
            }
        }
    }

    @Test func referencesToNowhere() throws {
        let good = try Self.program()
        func refused(_ part: String, _ change: (inout MethodProgram) -> Void) {
            var program = good
            change(&program)
            let error = #expect(throws: ProgramError.self) { try program.verify() }
            #expect(error?.message.contains(part) == true, "\(error!)")
        }
        refused("there is no graph 99") { $0.sites[0].forward = 99 }
        refused("does not fit tensor") { $0.update?.targets = [0] }
        refused("targets for 1 results") { $0.update?.targets = [] }
        refused("base 4 is not there") { $0.sites[0].forward = $0.sites[1].forward }
        refused("f32[4] there, not f32[8]") { $0.sites[0].tensors = [] }
        refused("is no scalar") { $0.regularizer = $0.exportMap?.graph }
        refused("kept is not there") { $0.exportMap?.tensors[0].mask?.axis = 3 }
        refused("argument 0 is not there") { $0.importMap?.names = [] }
    }
}
