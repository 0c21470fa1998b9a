import Adapters
import Engine
import Formats
import Foundation
import Models
import Programs
import Testing

/// Methods whose files hold other tensors than those that are trained.
struct StoredFormTests {
    /// t (2, 3) and s (2), needed to train only, and the buffer m (3), which says what of t is kept.
    private static func program(peftType: String = "TEST") throws -> MethodProgram {
        var program = MethodProgram(method: "Test", peftType: peftType, version: "1", settings: [])
        var s = TensorDeclaration("s", TensorType([2]), .ones)
        s.isSidecar = true
        var m = TensorDeclaration("m", TensorType([3]), .zeros)
        m.isBuffer = true
        program.tensors = [TensorDeclaration("t", TensorType([2, 3]), .zeros), s, m]
        let g = GraphBuilder(scope: .parameters)
        let mask = g.parameter(2, TensorType([3]))
        let graph = try g.finish([
            g.parameter(0, TensorType([2, 3])), mask, g.mul(g.parameter(1, TensorType([2])), g.constant(2)),
            g.reduce(.sum, mask), g.cast(mask, .i32),
        ])
        program.exportMap = ExportMap(
            graph: program.add(graph),
            tensors: [
                .init(name: "kept", output: 0, mask: .init(output: 1, axis: 1)),
                .init(name: "beside", output: 2, isSidecar: true),
            ],
            fields: [
                .init(path: "p", source: .fixed("null")), .init(path: "p/a.b", source: .output(1, asBoolean: true)),
                .init(path: "n", source: .output(3, asBoolean: false)),
                .init(path: "i", source: .output(4, asBoolean: false)), .init(path: "gone", source: .omitted),
            ])
        try program.verify()
        return program
    }

    private static func model(_ program: MethodProgram, _ task: Task = .causalLM) throws -> AdaptedModel {
        let model = try AdaptedModel(Model(Fixtures.path("tiny/a-llama")), method: program, task: task, seed: 0)
        model.tensors[0] = [1, 2, 3, 4, 5, 6]
        model.tensors[2] = [1, 0, 2.5]
        return model
    }

    private static func floats(_ tensor: SafetensorsWriter.Tensor?) -> [Float]? {
        if case .floats(let values) = tensor?.values { values } else { nil }
    }

    @Test func masksAndComputedFields() throws {
        let form = try StoredForm(Self.model(Self.program()), prunes: true)
        #expect(form.tensors.map(\.name) == ["kept"] && form.tensors[0].shape == [2, 2])
        #expect(Self.floats(form.tensors.first) == [1, 3, 4, 6])
        #expect(form.state.map(\.name) == ["base_model.s", "beside"])
        #expect(Self.floats(form.state.last) == [2, 2])
        let fields: [(String, JSON?)] = [
            ("p", .null), ("p/a.b", [true, false, true]), ("n", 3.5), ("i", [1, 0, 2]), ("gone", nil),
        ]
        #expect(form.fields.map(\.path) == fields.map(\.0))
        #expect(form.fields.map(\.value) == fields.map(\.1))
    }

    @Test func asItWasTrained() throws {
        let form = try StoredForm(Self.model(Self.program()), prunes: false)
        #expect(Self.floats(form.tensors.first) == [1, 2, 3, 4, 5, 6])
        #expect(form.fields.map(\.path) == ["p", "gone"])
    }

    @Test func nothingIsKept() throws {
        let model = try Self.model(Self.program())
        model.tensors[2] = [0, 0, 0]
        let form = try StoredForm(model, prunes: true)
        #expect(form.tensors[0].shape == [2, 0] && Self.floats(form.tensors[0]) == [])
    }

    /// By the table of Hugging Face's names.
    @Test(arguments: [
        ("LORA", false, "base_model.model.score.weight"), ("P_TUNING", false, "base_model.score.weight"),
        ("PREFIX_TUNING", false, "base_model.score.weight"), ("PROMPT_TUNING", false, "base_model.score.weight"),
        ("ADAPTION_PROMPT", true, "base_model.model.score.weight"),
    ]) func theHead(peftType: String, isWithoutHead: Bool, name: String) throws {
        var program = try Self.program(peftType: peftType)
        program.isWithoutHead = isWithoutHead
        let decoded = try MethodProgram.decode(program.encode())
        #expect(decoded == program)
        let form = try StoredForm(Self.model(decoded, .sequenceClassification(labels: 2)), prunes: true)
        #expect((isWithoutHead ? form.state : form.tensors).last?.name == name)
        #expect((isWithoutHead ? form.tensors : form.state).allSatisfy { $0.name != name })
    }

    // MARK: The way back

    /// Reads "kept" (2, 3) twice as large as t.
    private static func reader() throws -> MethodProgram {
        var program = try program()
        let g = GraphBuilder(scope: .parameters)
        let stored = g.argument(0, TensorType([2, 3]))
        let graph = try g.finish([g.mul(stored, g.constant(0.5))])
        program.importMap = ImportMap(
            names: ["kept"], assignment: Assignment(graph: program.add(graph), targets: [0]))
        try program.verify()
        return program
    }

    private static func load(
        _ tensors: [SafetensorsWriter.Tensor], beside: [SafetensorsWriter.Tensor] = []
    ) throws -> [[Float]] {
        let folder = FileManager.default.temporaryDirectory.appending(path: "peft-host-\(UUID().uuidString)").path
        try Folder.make(folder)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        try "{\"peft_type\": \"X\"}".write(toFile: folder + "/adapter_config.json", atomically: false, encoding: .utf8)
        try SafetensorsWriter.write(tensors, to: folder + "/adapter_model.safetensors")
        if !beside.isEmpty { try SafetensorsWriter.write(beside, to: folder + "/trainable_state.safetensors") }
        let model = try model(reader())
        try StoredAdapter(folder).load(into: model)
        return [model.tensors[0], model.tensors[1], model.tensors[2]]
    }

    private static func tensor(_ name: String, _ shape: [Int] = [2, 3], _ value: Float = 4) -> SafetensorsWriter.Tensor
    {
        .init(name, shape: shape, .floats(Array(repeating: value, count: shape.reduce(1, *))))
    }

    @Test func theImportGraphRuns() throws {
        let pruned = Self.tensor("a.lora_A", [0, 8])
        let values = try Self.load([Self.tensor("kept"), pruned])
        #expect(values == [Array(repeating: 2, count: 6), [1, 1], [1, 0, 2.5]])
        let beside = [Self.tensor("base_model.s", [2], 7), Self.tensor("of a trained form", [5])]
        #expect(try Self.load([Self.tensor("kept")], beside: beside)[1] == [7, 7])
        // What is not in the one file may be in the other.
        #expect(try Self.load([], beside: [Self.tensor("kept")])[0] == values[0])
    }

    @Test func whatDoesNotFit() {
        for (tensors, part) in [
            ([], "asks for the tensor kept, missing"),
            ([Self.tensor("kept"), Self.tensor("other")], "does not ask for the tensor other"),
            ([Self.tensor("kept", [3, 2])], "kept has the shape [3, 2], and [2, 3] in the method"),
            ([Self.tensor("kept", [2, 3], .infinity)], "kept holds numbers that are not finite"),
        ] {
            let error = #expect(throws: AdapterError.self) { try Self.load(tensors) }
            #expect(error?.message.contains(part) == true, "\(error!)")
        }
    }
}
