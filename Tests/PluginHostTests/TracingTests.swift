import Formats
import PluginHost
import Programs
import Testing

@Suite struct TracingTests {
    @Test func loraInC() throws {
        let plugin = try Build.load(try Build.plugin("lora.c", manifest: .lora))
        let program = try traceTiny(
            plugin,
            [
                ("r", "2"), ("lora_dropout", "0.1"), ("target_modules", "all-linear"),
                ("rank_pattern", #"{"q_proj": 3}"#),
            ])
        #expect(program.method == "LoRA" && program.peftType == "LORA" && program.version == "1.0.0")
        #expect(program.sites.count == 14)
        let q = program.sites[0]
        #expect(q.site.module == "model.layers.0.self_attn.q_proj")
        #expect(q.tensors.map(\.name) == ["lora_A.weight", "lora_B.weight"])
        #expect(q.tensors.map(\.type) == [TensorType([3, 8]), TensorType([8, 3])])
        #expect(q.tensors.map(\.initializer) == [.kaimingUniform(a: 5.0.squareRoot()), .zeros])
        #expect(program.sites[1].tensors.map(\.type) == [TensorType([2, 8]), TensorType([4, 2])])
        // Layer 1 repeats layer 0; k and v, gate and up are alike; so q, k, o, gate, down: 5 forwards and 5 merges.
        #expect(program.graphs.count == 10)
        #expect(program.sites[7].forward == q.forward && program.sites[1].forward == program.sites[2].forward)
        #expect(program.settings.first { $0.name == "rank_pattern" }?.json == #"{"q_proj": 3}"#)
        try program.verify()
    }

    /// y = x Wᵀ + s (x Aᵀ) Bᵀ and W' = W + s B A, against the formula with small numbers.
    @Test func loraComputesItsFormula() throws {
        let plugin = try Build.load(try Build.plugin("lora.c", manifest: .lora))
        let program = try traceTiny(plugin, [("r", "1"), ("lora_alpha", "3"), ("target_modules", "k_proj")])
        let forward = program.graphs[program.sites[0].forward]
        #expect(forward.outputs.map(forward.type) == [TensorType([.tokens, 4])])
        #expect(forward.nodes.filter { $0.op == .constant }.map(\.attributes.scalars) == [[3]])
        #expect(forward.nodes.filter { $0.op == .matmul }.map(\.attributes.integers) == [[0, 1], [0, 1]])
        #expect(forward.nodes.filter { $0.op == .base || $0.op == .dropout }.count == 1)
        guard case .graph(let index) = program.sites[0].merge else { throw Build.Failure(message: "not mergeable") }
        let merge = program.graphs[index]
        #expect(merge.outputs.map(merge.type) == [TensorType([4, 8])])
    }

    @Test func everythingElse() throws {
        let defines = ["CASE=whole", "PLAN=plan_whole", "METHOD=method_whole"]
        let plugin = try Build.load(try Build.plugin("broken.c", defines, manifest: .broken))
        let program = try traceTiny(plugin)
        #expect(program.tensors.map(\.name) == ["shared"])
        #expect(
            program.sites.map(\.site.module) == ["model.layers.1.self_attn.q_proj", "model.layers.1.self_attn.v_proj"])
        #expect(program.sites[0].tensors.map(\.isBuffer) == [false, true])
        #expect(program.sites[0].initialize?.targets == [0])
        #expect(program.sites[0].merge == .refused(reason: "it is a test"))
        // shared 0; site 0: m 1, average 2; site 1: m 3, average 4.
        #expect(program.update?.targets == [4])
        let update = program.graphs[program.update!.graph]
        #expect(update.nodes.filter { $0.op == .argument }.map(\.attributes.integers[0]) == [3])
        let regularizer = program.graphs[program.regularizer!]
        #expect(regularizer.nodes.filter { $0.op == .parameter }.map(\.attributes.integers[0]) == [1])
        let forward = program.graphs[program.sites[0].forward]
        #expect(
            forward.nodes.contains { $0.op == .argument && $0.attributes.integers[0] == MethodProgram.preludeResults })
        #expect(program.exportMap?.tensors.map(\.name) == ["kept", "shared"])
        #expect(program.exportMap?.tensors[0].mask?.axis == 0)
        #expect(program.exportMap?.fields.map(\.path) == ["rank_pattern/a", "r"])
        #expect(program.exportMap?.fields[1].source == .omitted)
        #expect(program.importMap?.names == ["shared"] && program.importMap?.assignment.targets == [0])
        try program.verify()
    }

    @Test(arguments: [
        ("CASE=stale_graph", "merge graph: add: the value 0x", "is stale"),
        ("CASE=stale_site", "inject at model.layers.0.self_attn.v_proj, forward graph: mul:", "is stale"),
        ("CASE=forged", "mul: the value 0x2a", "forged"),
        ("CASE=forged_near", "mul: the value 0x", "is no parameter: it is forged"),
        ("CASE=zero", "mul", "PEFT_FAILED"),
        ("CASE=absent", "mul", "PEFT_ABSENT"),
        ("CASE=wrong_operand", "mul(f32[N,8], f32[9])", "do not broadcast"),
        ("CASE=wrong_result", "v_proj, forward graph: end: the result is f32[N,8]", "the site gives f32[N,4]"),
        ("CASE=unknown_setting", "there is no hyperparameter \"rr\"", "did you mean r?"),
        ("CASE=wrong_type", "the hyperparameter r is 8, not a string", ""),
        ("CASE=not_local", "mean(f32[N,8])", "not token-local"),
        ("CASE=no_graph", "scalar: no graph is open", "call begin first"),
        ("CASE=begin_twice", "begin: the forward graph is still open", ""),
        ("CASE=second_forward", "begin: a second forward graph", ""),
        ("CASE=end_without_begin", "end: no graph is open", ""),
        ("CASE=never_ended", "forward graph was begun and never ended", ""),
        ("CASE=no_forward", "built no forward graph", ""),
        ("CASE=wrong_phase", "begin: no update graph in inject", ""),
        ("CASE=twice", "parameter: \"s\" is declared twice", ""),
        ("CASE=bad_name", "\"../s\" is no name", ""),
        ("CASE=null_name", "peft_tensor.name is NULL", ""),
        ("CASE=negative", "has the shape [-1]", "fixed numbers"),
        ("CASE=huge", "which is too large", ""),
        ("CASE=rank", "reshape: a count of 7; it must be from 0 to 6", ""),
        ("CASE=small_tensor", "peft_tensor.struct_size is 8, less than", ""),
        ("CASE=null_tensor", "parameter: peft_tensor is NULL", ""),
        ("CASE=null_axes", "sum: a count of 1, but the pointer is NULL", ""),
        ("CASE=unset", "no init graph sets \"s\"", ""),
        ("CASE=unused", "the parameter \"unused\" of model.layers.0.self_attn.q_proj is used in no forward", ""),
        ("CASE=trains_nothing", "trains nothing", ""),
        ("CASE=fails", "inject at model.layers.0.self_attn.q_proj: out of luck", ""),
        ("CASE=silent", "returned 7 without saying why", ""),
        ("CASE=model_size", "the model has no size number 99", ""),
        ("CASE=bias", "bias: this site has none", "has_bias"),
        ("CASE=svd", "svd: only in init and merge graphs", ""),
        ("CASE=row_input", "row_input: the plugin does not claim PEFT_USES_ROW_INPUTS", ""),
        ("CASE=calibration", "collect (calibration) is not run by this host yet", ""),
        ("PLAN=take_none", "took none of the sites", ""),
        ("PLAN=take_outside", "plan: take: there is no site 1000 of 4", ""),
    ])
    func broken(define: String, part: String, other: String) throws {
        let plugin = try Build.load(try Build.plugin("broken.c", [define], manifest: .broken))
        let error = #expect(throws: PluginError.self) { try traceTiny(plugin) }
        #expect(error?.description.hasPrefix("Broken: ") == true)
        #expect(
            error?.description.contains(part) == true && (other.isEmpty || error!.description.contains(other)),
            "\(error!)")
        #expect(error?.description.contains("\n") == false)
    }

    @Test func claims() throws {
        var manifest = PluginDescription.broken
        manifest.capabilities = [.merge]
        let bits = "CAPABILITIES=\(1 << Capability.merge.rawValue)"
        let plugin = try Build.load(try Build.plugin("broken.c", [bits], manifest: manifest))
        let error = #expect(throws: PluginError.self) { try traceTiny(plugin) }
        #expect(error?.description.contains("claims the capability merge") == true)
    }

    @Test func patternsThatMatchNothing() throws {
        let plugin = try Build.load(try Build.plugin("lora.c", manifest: .lora))
        let error = #expect(throws: PluginError.self) { try traceTiny(plugin, [("rank_pattern", #"{"k_proj": 3}"#)]) }
        #expect(error?.message == "\"k_proj\" matches none of the 4 modules that LoRA adapts")
        #expect(error?.place == "rank_pattern")
    }

    /// A foreign field becomes a hyperparameter; one that nobody looks at is an error.
    @Test func foreignConfigurations() throws {
        let plugin = try Build.load(try Build.plugin("broken.c", ["IMPORT=import_rank"], manifest: .broken))
        func rank(_ json: JSON) throws -> HyperparameterValue? {
            try importSettings(
                plugin, config: json, place: "a.json", tensors: [], model: TinyModel.description, task: "CAUSAL_LM",
                labels: 0
            ).values["r"]
        }
        #expect(try rank(["peft_type": "BROKEN", "rank": [3]]) == .integer(6))
        #expect(try rank(["r": 4, "rank": "none"]) == .integer(4))
        let unknown = #expect(throws: PluginError.self) { try rank(["other": 5]) }
        #expect(unknown?.description.hasPrefix("a.json: other: Broken has no hyperparameter of this name") == true)
        let range = #expect(throws: PluginError.self) { try rank(["rank": [3000]]) }
        #expect(range?.description.contains("r: 6000 is not an integer from 1 to 1024") == true)
    }
}
