import Programs
import Testing

/// Methods that nobody traced: what they name and how large they are.
struct VerifyMethodTests {
    /// y = base(x) · s at each of the modules.
    private static func program(_ modules: [String], tensors: [TensorDeclaration] = []) throws -> MethodProgram {
        let g = GraphBuilder(scope: .tokenLocal)
        let x = g.argument(0, TensorType([.tokens, 2]))
        let forward = try g.finish([g.mul(g.base(x, outputs: 3), g.parameter(0, TensorType([3])))])
        var program = MethodProgram(method: "Scaling", peftType: "SCALING", version: "1", settings: [])
        let index = program.add(forward)
        program.sites = modules.map {
            SiteProgram(
                site: SiteDescription(.linear, .query, layer: 0, module: $0, inputs: 2, outputs: 3),
                tensors: [TensorDeclaration("s", TensorType([3]), .ones)] + tensors, initialize: nil, forward: index,
                merge: .refused(reason: "none"))
        }
        return program
    }

    private static func message(_ program: MethodProgram) -> String {
        do throws(ProgramError) {
            let decoded = try MethodProgram.decode(program.encode())
            return decoded == program ? "" : "it changed"
        } catch { return error.message }
    }

    @Test func names() throws {
        #expect(try Self.message(Self.program(["a", "b"])) == "")
        #expect(try Self.message(Self.program(["a", "a"])).contains("a: the method stands there twice"))
        let twin = TensorDeclaration("s", TensorType([1]), .zeros)
        #expect(
            try Self.message(Self.program(["a"], tensors: [twin])).contains(
                "two tensors are named base_model.model.a.s"))
        // The names are of different sites, and yet the same.
        let inner = TensorDeclaration("b.s", TensorType([1]), .zeros)
        #expect(try Self.message(Self.program(["a", "a.b"], tensors: [inner])).contains("base_model.model.a.b.s"))
    }

    @Test func sizes() throws {
        for shape in [[1 << 34, 1 << 34], [1 << 34, 2], [1 << 33, 1, 1, 1, 1, 4]] {
            let large = TensorDeclaration("large", TensorType(shape.map { Dim($0) }), .zeros)
            #expect(try Self.message(Self.program(["a"], tensors: [large])).contains("makes the method too large"))
        }
        // Each is allowed, all together are not.
        let half = TensorDeclaration("half", TensorType([Dim(1 << 33)]), .zeros)
        #expect(try Self.message(Self.program(["a"], tensors: [half])) == "")
        #expect(try Self.message(Self.program(["a", "b"], tensors: [half])).contains("base_model.model.b.half"))
    }
}
