import Adapters
import Engine
import Formats
import Foundation
import Models
import PluginHost
import Programs
import Testing

/// What every method must keep, whatever it computes.
struct ConformanceTests {
    private static let rows: [[Int32]] = [[1, 4, 2, 7, 12], [9], [3, 5, 9, 9, 0, 6, 11], [8, 2]]
    private let pool = WorkerPool(threads: 1)

    /// The logits at every token of each row.
    private func logits(_ inference: Inference, _ rows: [[Int32]]) throws -> [[Float]] {
        let prefix = inference.model.prefix
        let count = rows.reduce(0) { $0 + $1.count + prefix.tokens }
        var batch = Batch(
            rows: rows.map { prefix.before($0) }, targetIndex: (0..<Int32(count)).map { $0 },
            targetLabels: Array(repeating: 0, count: count), targetWeights: Array(repeating: 0, count: count))
        batch.rowInputs = inference.model.rowInputs(for: rows)
        let result = try inference.run(batch)
        var token = 0
        return rows.map { row in
            let first = token + prefix.tokens
            token = first + row.count
            return Array(result.logits[first * result.width..<token * result.width])
        }
    }

    private func logits(_ model: AdaptedModel) throws -> [[Float]] {
        try logits(Inference(model, pool: pool), Self.rows)
    }

    /// The largest difference, relative to the largest logit.
    private func distance(_ a: [[Float]], _ b: [[Float]]) -> Float {
        let (x, y) = (a.flatMap { $0 }, b.flatMap { $0 })
        guard x.count == y.count else { return .infinity }
        return zip(x, y).reduce(0) { max($0, abs($1.0 - $1.1)) } / (y.map { abs($0) }.max() ?? 1)
    }

    @Test(arguments: MethodCase.all) func startsWhereItClaims(_ item: MethodCase) throws {
        let bare = try AdaptedModel(item.base.model(), method: nil, task: item.task, seed: 7)
        let (adapted, base) = (try logits(item.model()), try logits(bare))
        switch item.start {
        case .base: #expect(distance(adapted, base) == 0)
        case .nearBase: #expect(distance(adapted, base) <= 1e-5)
        case .besideBase: #expect((1e-6...1e-2).contains(distance(adapted, base)))
        case .other: #expect(distance(adapted, base) > 1e-3)
        }
        // The tests below say nothing of a method that does nothing.
        #expect(distance(try logits(item.trainedModel()), base) > 1e-3)
    }

    /// Alone, packed with others in another order, and after other rows.
    @Test(arguments: MethodCase.all) func rowsDoNotSeeEachOther(_ item: MethodCase) throws {
        let model = try item.trainedModel()
        let alone = try Self.rows.map { try logits(Inference(model, pool: pool), [$0])[0] }
        let inference = Inference(model, pool: pool)
        #expect(distance(try logits(inference, Self.rows), alone) <= 1e-5)
        #expect(distance(try logits(inference, Self.rows.reversed()), alone.reversed()) <= 1e-5)
        for (row, expected) in zip(Self.rows, alone) {
            #expect(distance(try logits(inference, [row]), [expected]) <= 1e-5)
        }
    }

    @Test(arguments: MethodCase.all) func mergedIsUnmerged(_ item: MethodCase) throws {
        let model = try item.trainedModel()
        let before = try stored(model.model)
        guard item.isMergeable else {
            let error = #expect(throws: ModelError.self) { try model.merged(on: pool) }
            #expect(error?.message.hasPrefix("\(item.plugin) cannot be merged at ") == true)
            return
        }
        let merged = try model.merged(on: pool)
        #expect(merged.method == nil)
        #expect(distance(try logits(merged), try logits(model)) <= 1e-4)
        let changed = try model.mergedTensors(on: pool).keys
        let base = try stored(merged.model)
        // Where all of a module's ranks were pruned its weight is as it was.
        #expect(changed.contains { base[$0] != before[$0] })
        // Unmerged, the base is what it was.
        #expect(try stored(model.model) == before)
    }

    private func stored(_ model: Model) throws -> [String: [Float]] {
        try Dictionary(
            uniqueKeysWithValues: model.tensors.map { ($0.name, try model.tensor($0.name, shape: $0.shape).values()) })
    }

    /// With a search path where the plugin is not: the folder's own program runs, and is merged.
    @Test(arguments: MethodCase.all) func storedAndOpenedWithoutThePluginItIsTheSame(_ item: MethodCase) throws {
        let model = try item.trainedModel()
        let traced = try item.traced(model.model)
        let folder = FileManager.default.temporaryDirectory.appending(path: "peft-host-\(UUID().uuidString)").path
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let labels = (0..<item.task.labels).map { "\($0)" }
        let sidecar = try Sidecar(model, traced, labels: labels, options: .null)
        try AdapterWriter(model, traced, sidecar: sidecar).write(to: folder)
        let opened = try OpenedAdapter(
            folder, modelPath: nil, search: PluginSearch(pluginPaths: [], environment: [:], executable: ""),
            quantize: { _, _ in }, warn: { _ in })
        let expected = try logits(model)
        #expect(distance(try logits(opened.model), expected) <= 1e-5)
        guard item.isMergeable else {
            #expect(throws: ModelError.self) { try opened.model.merged(on: pool) }
            return
        }
        #expect(distance(try logits(opened.model.merged(on: pool)), expected) <= 1e-4)
    }
}
