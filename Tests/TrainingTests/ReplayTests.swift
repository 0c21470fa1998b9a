import Engine
import Formats
import Foundation
import Models
import Testing
import Training

/// Recorded runs that nobody recorded.
struct ReplayTests {
    private static func read(_ changes: [String: JSON], optimizer: [String: JSON] = [:]) throws -> ReplayCase {
        var settings: [String: JSON] = [
            "name": "AdamW", "lr": 0.01, "weight_decay": 0, "betas": [0.9, 0.999], "eps": 1e-8,
        ]
        settings.merge(optimizer) { $1 }
        var members: [String: JSON] = [
            "task": "SEQ_CLS", "num_labels": 2, "probe": ["input_ids": [1]],
            "batches": [["input_ids": [[1, 2], [3]], "labels": [0, 1]]],
            "optimizer": .object(settings.map { JSON.Member($0.key, $0.value) }),
        ]
        members.merge(changes) { $1 }
        let file = FileManager.default.temporaryDirectory.appending(path: "peft-host-\(UUID().uuidString).json").path
        try JSON.object(members.map { JSON.Member($0.key, $0.value) }).text()
            .write(toFile: file, atomically: false, encoding: .utf8)
        defer { try? FileManager.default.removeItem(atPath: file) }
        return try ReplayCase(file, vocabulary: 384)
    }

    @Test(
        arguments: [
            (["num_labels": 1_000_000_000_000_000], "num_labels"), (["num_labels": 1], "num_labels"),
            (["batches": [["input_ids": [[1]], "labels": [3_000_000_000]]]], "labels"),
            (["batches": [["input_ids": [[1]], "labels": [-1]]]], "labels"),
            (["batches": [["input_ids": [[1]], "labels": [2]]]], "labels"),
            (["batches": [["input_ids": [], "labels": []]]], "input_ids"),
            (["batches": [["input_ids": [[]], "labels": [0]]]], "input_ids"),
            (["batches": [["input_ids": [[384]], "labels": [0]]]], "384"),
            (["task": "CAUSAL_LM", "batches": [["input_ids": [[1], [2]]]]], "nothing to predict"),
        ] as [([String: JSON], String)])
    func malformed(_ changes: [String: JSON], _ part: String) {
        let error = #expect(throws: TrainingError.self) { try Self.read(changes) }
        #expect(error?.message.contains(part) == true, "\(error!)")
    }

    @Test(
        arguments: [
            ("betas", [1, 1]), ("betas", [0.9, -0.1]), ("eps", 0), ("lr", -1), ("weight_decay", -1),
            ("max_grad_norm", 1), ("schedule", "linear"),
        ] as [(String, JSON)])
    func optimizer(_ name: String, _ value: JSON) throws {
        _ = try Self.read([:])
        let error = #expect(throws: TrainingError.self) { try Self.read([:], optimizer: [name: value]) }
        #expect(error?.message.contains("optimizer.\(name)") == true, "\(error!)")
    }

    /// A method that no configuration describes.
    @Test func bottleneck() throws {
        #expect(try Self.read([:]).options.isEmpty)
        let recorded = try Self.read(["bottleneck": ["config": "seq_bn", "reduction_factor": 24]])
        #expect(recorded.options.map(\.name) == ["config", "reduction_factor"])
        #expect(recorded.options.map(\.text) == ["seq_bn", "24"])
    }

    @Test func lossesThatAreNotFinite() throws {
        let batch: JSON = ["input_ids": [[1, 2], [3]], "labels": [0, 1]]
        let recorded = try Self.read(["batches": [batch, batch, batch]], optimizer: ["lr": 1e300])
        let model = try AdaptedModel(
            Model(Fixtures.path("tiny/a-llama")), method: nil, task: recorded.task, seed: 0)
        var steps = 0
        let error = #expect(throws: TrainingError.self) {
            try Replay(recorded, model, pool: WorkerPool(threads: 1)).run { _, _ in steps += 1 }
        }
        #expect(steps == 1 && error?.message.contains("of step 1 is not finite") == true)
    }
}
