import Engine
import Formats
import Foundation
import Models
import Programs

enum Fixtures {
    static let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .appending(path: "Fixtures")

    static func path(_ name: String) -> String { root.appending(path: name).path }

    static func json(_ name: String) throws -> JSON {
        try JSON.parse(MappedFile.content(path(name)), place: name)
    }

    /// SmolLM2-135M-Instruct, Q4_1: at PEFT_HOST_TEST_MODEL or in the cache; nil where there is none.
    static let smolLM: String? = {
        let file =
            ProcessInfo.processInfo.environment["PEFT_HOST_TEST_MODEL"]
            ?? NSHomeDirectory() + "/.cache/peft-host/SmolLM2-135M-Instruct.Q4_1.gguf"
        return FileManager.default.fileExists(atPath: file) ? file : nil
    }()
}

extension JSON {
    var numbers: [Double] { array?.map { $0.double ?? .nan } ?? [] }
    var ids: [Int32] { array?.map { Int32($0.int ?? -1) } ?? [] }
}

/// A batch in which every token predicts the one behind it in its row; the last of a row predicts nothing.
func predicting(_ rows: [[Int32]]) -> Batch {
    let labels = rows.flatMap { $0.dropFirst() + [-1] }
    let targets = labels.filter { $0 >= 0 }.count
    return Batch(
        rows: rows, targetIndex: labels.indices.map { Int32($0) }, targetLabels: labels,
        targetWeights: labels.map { _ in 1 / Float(Swift.max(targets, 1)) })
}

/// A batch whose rows are classified at their last token.
func classifying(_ rows: [[Int32]], _ labels: [Int32]) -> Batch {
    var ends: [Int32] = []
    for row in rows { ends.append((ends.last ?? -1) + Int32(row.count)) }
    return Batch(
        rows: rows, targetIndex: ends, targetLabels: labels, targetWeights: rows.map { _ in 1 / Float(rows.count) })
}

/// What a model computes for one batch.
struct Run {
    var loss: Double
    /// (M, width)
    var logits: [Double]
    var width: Int
    /// (N, hidden)
    var firstBlock: [Double]
    var last: [Double]
    /// By Hugging Face's name, for every tensor of the base and the head.
    var gradients: [String: [Double]] = [:]
    /// The last axis of each of them.
    var widths: [String: Int] = [:]

    /// Runs the bare model, with the gradients of all that it consists of where they are asked for.
    init(_ model: AdaptedModel, _ batch: Batch, gradients wanted: Bool, threads: Int = 2) throws {
        let g = GraphBuilder()
        let outputs = model.program.build(in: g)
        let losses = g.crossEntropy(outputs.logits, labels: g.input(.targetLabels))
        let loss = g.reduce(.sum, g.mul(losses, g.input(.targetWeights)))
        var names: [String] = []
        var sources: [Value] = []
        if wanted {
            // The frozen tensors themselves: differentiation takes any value as its source.
            let isClassifier = model.head != nil
            for (name, shape) in model.model.configuration.tensors where !(isClassifier && name == "lm_head.weight") {
                names.append(name)
                sources.append(g.frozen(name, TensorType(shape.map { Dim($0) })))
            }
            if let head = model.head {
                names.append("score.weight")
                sources.append(model.program.parameter(head, in: g))
            }
        }
        let gradients = g.gradients(of: loss, by: sources)
        let present = zip(names, gradients).compactMap { name, gradient in gradient.map { (name, $0) } }
        let graph = try g.finish(
            [loss, outputs.logits, outputs.hidden.firstBlock, outputs.hidden.last] + present.map(\.1))
        let inputs = StepBuffers(capacity: batch.sizes)
        inputs.load(batch)
        let executable = try model.compile(graph, capacity: batch.sizes, inputs: inputs)
        executable.run(RunContext(sizes: batch.sizes), on: WorkerPool(threads: threads))
        func output(_ index: Int) -> [Double] { executable.array(index, batch.sizes).map(Double.init) }
        self.loss = output(0)[0]
        logits = output(1)
        width = graph.type(graph.outputs[1]).shape[1].code
        firstBlock = output(2)
        last = output(3)
        for (index, (name, value)) in present.enumerated() {
            self.gradients[name] = output(index + 4)
            widths[name] = graph.type(value).shape.last?.code
        }
    }

    func logits(_ target: Int) -> ArraySlice<Double> { logits[target * width..<(target + 1) * width] }
}

/// The largest |a − b|, relative to the largest |b|.
func relativeDistance(_ a: some Collection<Double>, _ b: some Collection<Double>) -> Double {
    guard a.count == b.count, !b.isEmpty else { return .infinity }
    let worst = zip(a, b).reduce(0) { $1.0.isNaN ? .infinity : max($0, abs($1.0 - $1.1)) }
    return worst / (b.map(abs).max() ?? 1)
}

func norm(_ x: some Sequence<Double>) -> Double { x.reduce(0) { $0 + $1 * $1 }.squareRoot() }
