import Adapters
import Engine
import Formats
import Foundation
import Models
import PluginHost
import Programs
import Training

/// A plugin with one choice of hyperparameters on one toy model: what the numeric rules work on.
package final class Bench {
    package let library: PluginLibrary
    package let task: Task
    /// The frozen model; its files lie in ``folder``.
    package let model: Model
    package let traced: TracedMethod
    /// Gone with this object, and all that a rule writes there.
    package let folder: String
    /// SHA-256 of every file of the model, taken before the plugin was asked anything.
    package let fileHashes: [String: String]

    /// - Parameters:
    ///   - options: hyperparameters as they are typed.
    ///   - totalSteps: of the run that the host derives hyperparameters from.
    /// - Throws: what tracing throws.
    package init(
        _ library: PluginLibrary, _ options: [(name: String, text: String)] = [], toy: ToyModel = .plain,
        task: Task = .causalLM, totalSteps: Int = TrainedBits.steps
    ) throws {
        self.library = library
        self.task = task
        folder = FileManager.default.temporaryDirectory.appending(path: "peft-host-check-\(UUID().uuidString)").path
        try Folder.make(folder + "/model")
        do {
            try toy.write(to: folder + "/model")
            model = try Model(folder + "/model")
            fileHashes = try Bench.hashes(of: folder + "/model")
            traced = try TracedMethod(
                library, in: .inProcess, options: options, model: model.configuration, task: task,
                derive: {
                    $0.derive("total_step", .integer(totalSteps))
                    $0.fillDerived()
                }, tokenize: ToyModel.tokenize, warn: { _ in })
        } catch {
            try? FileManager.default.removeItem(atPath: folder)
            throw error
        }
    }

    deinit { try? FileManager.default.removeItem(atPath: folder) }

    package static func hashes(of folder: String) throws -> [String: String] {
        let names = try FileManager.default.contentsOfDirectory(atPath: folder)
        return try Dictionary(uniqueKeysWithValues: names.map { ($0, try SHA256.file("\(folder)/\($0)")) })
    }

    /// The base alone.
    package func bare() throws -> AdaptedModel { try AdaptedModel(model, method: nil, task: task, seed: 7) }

    /// The method on its model, as training begins.
    package func begun() throws -> AdaptedModel {
        try AdaptedModel(model, method: traced.program, task: task, seed: 7)
    }

    /// The method on its model, with everything that trains moved to somewhere else.
    package func moved(_ point: UInt64 = 11) throws -> AdaptedModel {
        let model = try begun()
        var random = RandomNumbers(seed: point)
        for (index, entry) in model.tensors.entries.enumerated() where entry.declaration.isTrained {
            model.tensors[index] = model.tensors[index].map { $0 + Float.random(in: -0.4...0.4, using: &random) }
        }
        return model
    }

    /// All tensors of the frozen model, as it computes with them.
    package static func frozenValues(of model: Model) throws -> [String: [Float]] {
        try Dictionary(
            uniqueKeysWithValues: model.tensors.map { ($0.name, try model.tensor($0.name, shape: $0.shape).values()) })
    }
}

extension AdaptedModel {
    /// Rows that a training step learns from: what each token is followed by, or their labels.
    package func trainingBatch(_ rows: [[Int32]] = [[1, 4, 2, 7], [3, 5, 9]]) -> Batch {
        let all = rows.map { prefix.before($0) }
        var batch: Batch
        if task == .causalLM {
            let targets = rows.reduce(0) { $0 + $1.count - (prefix.tokens > 0 ? 0 : 1) }
            batch = Batch(
                predicting: all, isTarget: all.map { $0.map { $0 >= 0 } }, weight: 1 / Float(Swift.max(targets, 1)))
        } else {
            batch = Batch(
                classifying: all, labels: rows.indices.map { Int32(($0 + 2) % task.labels) },
                weights: rows.map { _ in 1 / Float(rows.count) })
        }
        batch.rowInputs = rowInputs(for: rows)
        return batch
    }

    /// What the method reads of rows: numbers that follow from the row's own tokens.
    package func rowInputs(for rows: [[Int32]]) -> [String: [FrozenTensor]] {
        (method?.rowInputs ?? [:]).mapValues { type in
            let shape = type.shape.dropFirst().map(\.code)
            return rows.map { row in
                var random = RandomNumbers(seed: row.reduce(5) { $0 &* 31 &+ UInt64($1) })
                let values = (0..<shape.reduce(1, *)).map { _ in Float.random(in: -1...1, using: &random) }
                return FrozenTensor(values, shape: shape)
            }
        }
    }
}

extension Inference {
    /// The logits at every token of each row, of all rows packed into one batch.
    package func logits(_ rows: [[Int32]]) throws -> [[Float]] {
        let prefix = model.prefix
        let count = rows.reduce(0) { $0 + $1.count + prefix.tokens }
        var batch = Batch(
            rows: rows.map { prefix.before($0) }, targetIndex: (0..<Int32(count)).map { $0 },
            targetLabels: Array(repeating: 0, count: count), targetWeights: Array(repeating: 0, count: count))
        batch.rowInputs = model.rowInputs(for: rows)
        let result = try run(batch)
        var token = 0
        return rows.map { row in
            let first = token + prefix.tokens
            token = first + row.count
            return Array(result.logits[first * result.width..<token * result.width])
        }
    }
}

/// How far apart two sets of logits are.
package enum Logits {
    package static let rows: [[Int32]] = [[1, 4, 2, 7, 12], [9, 6], [3, 5, 9, 9, 0, 6, 11], [8, 2]]

    /// Of those rows on one thread.
    package static func of(_ model: AdaptedModel) throws -> [[Float]] {
        try Inference(model, pool: WorkerPool(threads: 1)).logits(rows)
    }

    /// The largest difference, relative to the largest logit; infinite where one is not a number.
    package static func distance(_ a: [[Float]], _ b: [[Float]]) -> Float {
        let (x, y) = (a.flatMap { $0 }, b.flatMap { $0 })
        guard x.count == y.count, (x + y).allSatisfy(\.isFinite) else { return .infinity }
        let largest = y.map { abs($0) }.max() ?? 0
        let worst = zip(x, y).reduce(0) { Swift.max($0, abs($1.0 - $1.1)) }
        return worst == 0 ? 0 : worst / Swift.max(largest, .leastNormalMagnitude)
    }
}

/// A rule that a plugin broke: one sentence with the numbers.
package struct Breach: Error, CustomStringConvertible {
    package let description: String

    package init(_ description: String) { self.description = description }
}
