import Engine
import Formats
import Foundation
import Models
import Programs
import Testing

/// Bases that the host quantises.
struct QuantizationTests {
    /// What a model says while it is quantised.
    private final class Log {
        var layers = 0
        var warnings: [String] = []
    }

    private static let kinds = Quantization.allCases.filter { $0 != .none }

    /// A folder of its own, removed with the object.
    private final class Scratch {
        let path = FileManager.default.temporaryDirectory.appending(path: "peft-host-\(UUID().uuidString)").path
        init() throws { try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: false) }
        deinit { try? FileManager.default.removeItem(atPath: path) }
        var files: [String] { (try? FileManager.default.contentsOfDirectory(atPath: path + "/cache")) ?? [] }
    }

    private static func open(
        _ path: String, _ kind: Quantization, _ scratch: Scratch, folder: String = "cache", _ log: Log = Log()
    ) throws -> Model {
        let model = try Model(path)
        try model.quantize(
            kind, folder: "\(scratch.path)/\(folder)", progress: { done, _ in log.layers = done },
            warn: { log.warnings.append($0) })
        return model
    }

    /// The linear layers' values as the model computes with them.
    private static func values(_ model: Model) throws -> [[Float]] {
        try model.configuration.linearWeights.map { try model.tensor($0.name, shape: $0.shape).values() }
    }

    /// A copy of a fixture's folder, its tensors changed.
    private static func copy(
        _ path: String, to folder: String, _ change: (_ name: String, inout [Float]) throws -> Void
    ) throws {
        try Folder.make(folder)
        try FileManager.default.copyItem(atPath: path + "/config.json", toPath: folder + "/config.json")
        let tensors = try Safetensors(folder: path).tensors.map { stored in
            var values = FrozenTensor(stored).values()
            try change(stored.name, &values)
            return SafetensorsWriter.Tensor(stored.name, shape: stored.shape, .floats(values))
        }
        try SafetensorsWriter.write(tensors, to: folder + "/model.safetensors")
    }

    /// Rows of 96 values, several types and shards are among them.
    @Test(arguments: ["a-llama", "c-mqa-llama3rope-bf16", "g-head-dim-sharded", "h-theta-eps-f16"], kinds)
    func computesAsTheDequantisedModel(_ folder: String, _ kind: Quantization) throws {
        let scratch = try Scratch()
        let path = Fixtures.path("tiny/\(folder)")
        let model = try Self.open(path, kind, scratch)
        let layers = Dictionary(uniqueKeysWithValues: model.configuration.linearWeights.map { ($0.name, $0.shape) })
        try Self.copy(path, to: scratch.path + "/plain") { name, values in
            guard let shape = layers[name] else { return }
            let quantised = try model.tensor(name, shape: shape).values()
            let distance = relativeDistance(quantised.map(Double.init), values.map(Double.init))
            // Half a step of the largest value: 1/2 of 0.30 between NF4's largest two, of 1/127, of 1/8.
            #expect(distance > 0 && distance <= [.nf4: 0.17, .q8_0: 0.005, .q4_0: 0.13][kind]!, "\(name): \(distance)")
            values = quantised
        }
        let batch = predicting([[1, 5, 9, 33, 7, 2], [40, 3, 3, 11]])
        let quantised = try Run(.bare(model), batch, gradients: true)
        let plain = try Run(.bare(Model(scratch.path + "/plain")), batch, gradients: true)
        #expect(relativeDistance(quantised.logits, plain.logits) <= 1e-5)
        #expect(quantised.gradients.count == plain.gradients.count && !plain.gradients.isEmpty)
        for (name, gradient) in plain.gradients where norm(gradient) > 1e-6 {
            #expect(relativeDistance(quantised.gradients[name] ?? [], gradient) <= 1e-4, "\(name)")
        }
    }

    @Test(arguments: kinds)
    func theSecondTimeNothingIsQuantised(_ kind: Quantization) throws {
        let (scratch, log) = (try Scratch(), Log())
        let path = Fixtures.path("tiny/a-llama")
        let first = try Self.open(path, kind, scratch, log)
        #expect(log.layers == 14)
        log.layers = 0
        let second = try Self.open(path, kind, scratch, log)
        #expect(log.layers == 0 && log.warnings.isEmpty && scratch.files.count == 1)
        #expect(try Self.values(first) == Self.values(second))
        #expect(second.storage.first { $0.type == kind.name }?.tensors == 14)
        #expect(second.weightBytes < (try Model(path)).weightBytes)
    }

    @Test func damagedFilesAreMadeAnew() throws {
        let (scratch, log) = (try Scratch(), Log())
        let path = Fixtures.path("tiny/a-llama")
        let values = try Self.values(Self.open(path, .nf4, scratch))
        let file = URL(filePath: "\(scratch.path)/cache/\(try #require(scratch.files.first))")
        let whole = try Data(contentsOf: file)
        var flipped = whole
        flipped[whole.count / 2] ^= 1
        for damaged in [whole.dropLast(), whole.prefix(100), Data(), whole + [0], flipped] {
            try damaged.write(to: file)
            log.layers = 0
            log.warnings = []
            let model = try Self.open(path, .nf4, scratch, log)
            #expect(log.layers == 14 && log.warnings.count == 1, "\(log.warnings)")
            #expect(log.warnings.first?.contains(file.lastPathComponent) == true)
            let (same, mended) = (try Self.values(model) == values, try Data(contentsOf: file) == whole)
            #expect(same && mended)
        }
    }

    /// A file stands where the folder should be: nobody can write there, not even root.
    @Test func withoutACache() throws {
        let (scratch, log) = (try Scratch(), Log())
        let path = Fixtures.path("tiny/a-llama")
        try Data([0]).write(to: URL(filePath: scratch.path + "/file"))
        let model = try Self.open(path, .q4_0, scratch, folder: "file/cache", log)
        #expect(log.layers == 14 && log.warnings.count == 1, "\(log.warnings)")
        #expect(try Self.values(model) == Self.values(Self.open(path, .q4_0, scratch)))
    }

    @Test func atTheSameTime() async throws {
        let scratch = try Scratch()
        let path = Fixtures.path("tiny/b-tied-gqa")
        let folder = scratch.path + "/cache"
        let all = try await withThrowingTaskGroup(of: [[Float]].self) { group in
            for _ in 0..<8 {
                group.addTask {
                    let model = try Model(path)
                    try model.quantize(.nf4, folder: folder)
                    return try Self.values(model)
                }
            }
            return try await group.reduce(into: []) { $0.append($1) }
        }
        let same = all.allSatisfy { $0 == all[0] }
        #expect(same && all.count == 8 && scratch.files.count == 1)
    }

    /// A GGUF file has other names and another order of rows.
    @Test func theSameFromAGGUFFile() throws {
        let scratch = try Scratch()
        let folder = try Self.open(Fixtures.path("tiny/a-llama"), .nf4, scratch)
        let file = try Self.open(Fixtures.path("tiny/a-llama/model-f32.gguf"), .nf4, scratch)
        let same = try Self.values(folder) == Self.values(file)
        #expect(same && scratch.files.count == 2)
    }

    /// The fingerprint reads samples: what it does not see must not find the old file.
    @Test func aChangedBaseIsQuantisedAnew() throws {
        let (scratch, log) = (try Scratch(), Log())
        try Self.copy(Fixtures.path("tiny/a-llama"), to: scratch.path + "/base") { _, _ in }
        _ = try Self.open(scratch.path + "/base", .nf4, scratch)
        let file = URL(filePath: scratch.path + "/base/model.safetensors")
        try Data(contentsOf: file).write(to: file)
        _ = try Self.open(scratch.path + "/base", .nf4, scratch, log)
        #expect(log.layers == 14)
    }

    @Test func whatCannotBeQuantised() throws {
        let scratch = try Scratch()
        func failure(_ path: String) -> String {
            let error = #expect(throws: ModelError.self) { try Self.open(path, .nf4, scratch) }
            return error?.description ?? ""
        }
        #expect(failure(Fixtures.path("tiny/a-llama/model-mixed.gguf")).contains("quantised already"))
        for (name, wrong) in [("nan", Float.nan), ("infinite", .infinity), ("large", 1e6)] {
            try Self.copy(Fixtures.path("tiny/a-llama"), to: "\(scratch.path)/\(name)") { tensor, values in
                if tensor == "model.layers.1.mlp.up_proj.weight" { values[1234] = wrong }
            }
            #expect(failure("\(scratch.path)/\(name)").contains("model.layers.1.mlp.up_proj.weight holds"))
        }
        #expect(scratch.files.isEmpty)

        let odd = scratch.path + "/odd"
        let config: JSON = [
            "model_type": "llama", "vocab_size": 16, "hidden_size": 40, "intermediate_size": 64,
            "num_hidden_layers": 1, "num_attention_heads": 2,
        ]
        try Folder.make(odd)
        try AtomicFile.write(config.text(), to: odd + "/config.json")
        let tensors = try LlamaConfiguration(config: config, place: odd).tensors.map { name, shape in
            SafetensorsWriter.Tensor(name, shape: shape, .floats(Array(repeating: 0, count: shape.reduce(1, *))))
        }
        try SafetensorsWriter.write(tensors, to: odd + "/model.safetensors")
        #expect(failure(odd).contains("rows of 40 values"))
    }

    /// Graphs of the host may ask for both: as LoftQ's init does.
    @Test func bothWeights() throws {
        let scratch = try Scratch()
        let path = Fixtures.path("tiny/a-llama")
        let model = try Self.open(path, .nf4, scratch)
        let (name, shape) = model.configuration.linearWeights[3]
        let g = GraphBuilder()
        let type = TensorType(shape.map { Dim($0) })
        let graph = try g.finish([g.sub(g.frozen(name, type, isOriginal: true), g.frozen(name, type))])
        let none = Sizes(tokens: 0, rows: 0, targets: 0)
        let executable = try AdaptedModel.bare(model).compile(graph, capacity: none, inputs: nil)
        executable.run(RunContext(sizes: none), on: WorkerPool(threads: 1))
        let original = try Model(path).tensor(name, shape: shape).values()
        let expected = zip(original, try model.tensor(name, shape: shape).values()).map { $0 - $1 }
        let same = executable.array(0, none) == expected
        #expect(same && expected.contains { $0 != 0 })
    }
}
