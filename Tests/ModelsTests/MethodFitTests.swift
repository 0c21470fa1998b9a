import Engine
import Models
import Programs
import Testing

/// A method that was traced for another model.
struct MethodFitTests {
    /// y = base(x) · s at one site, with s (outputs).
    private static func scaling(
        _ site: SiteDescription, _ tensor: String = "s", others: [TensorDeclaration] = []
    ) throws -> MethodProgram {
        let g = GraphBuilder(scope: .tokenLocal)
        let x = g.argument(0, TensorType([.tokens, Dim(site.inputs)]))
        let s = TensorType([Dim(site.outputs)])
        let forward = try g.finish([g.mul(g.base(x, outputs: site.outputs), g.parameter(0, s))])
        var program = MethodProgram(method: "Scaling", peftType: "SCALING", version: "1", settings: [])
        program.sites = [
            SiteProgram(
                site: site, tensors: [TensorDeclaration(tensor, s, .ones)], initialize: nil,
                forward: program.add(forward), merge: .refused(reason: "none"))
        ]
        program.tensors = others
        try program.verify()
        return program
    }

    @Test func sites() throws {
        let model = try Model(Fixtures.path("tiny/a-llama"))
        func put(_ program: MethodProgram) throws -> AdaptedModel {
            try AdaptedModel(model, method: program, task: .causalLM, seed: 0)
        }
        let site = try #require(model.configuration.sites(for: .causalLM).first)
        #expect(try put(Self.scaling(site)).tensors.entries.map(\.name) == ["base_model.model.\(site.module).s"])
        var elsewhere = site
        elsewhere.module = "model.layers.7.self_attn.q_proj"
        var larger = site
        larger.outputs += 1
        for wrong in [elsewhere, larger] {
            let error = #expect(throws: ModelError.self) { try put(Self.scaling(wrong)) }
            #expect(error?.message.contains("stands at \(wrong.module)") == true)
        }
        let head = TensorDeclaration("model.score.weight", TensorType([2]), .zeros)
        let error = #expect(throws: ModelError.self) { try put(Self.scaling(site, others: [head])) }
        #expect(error?.message.contains("named like the head") == true)
        let huge = TensorDeclaration("huge", TensorType([Dim(1 << 33)]), .zeros)
        var program = try Self.scaling(site)
        program.tensors = (0..<512).map { _ in huge }
        let memory = #expect(throws: ModelError.self) { try put(program) }
        #expect(memory?.message.contains("more than the memory of this machine") == true)
    }
}
