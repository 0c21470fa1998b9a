import Adapters
import Engine
import Foundation
import Models
import PluginHost
import Testing

/// A plugin with some of its options, on a model small enough to check every number of it.
struct MethodCase: Sendable, CustomTestStringConvertible {
    /// What the model computes before anything is trained.
    enum Start: Sendable {
        /// What the base computes, to the bit.
        case base
        /// What the base computes, but for rounding.
        case nearBase
        case other
    }

    var plugin: String
    /// By name, as they are typed behind `-o`.
    var options: [String: String]
    var base: MicroModel
    var task: Task
    var start: Start
    var isMergeable: Bool

    init(
        _ plugin: String, _ options: [String: String] = [:], base: MicroModel = .plain, task: Task = .causalLM,
        start: Start = .base, isMergeable: Bool = true
    ) {
        self.plugin = plugin
        self.options = options
        self.base = base
        self.task = task
        self.start = start
        self.isMergeable = isMergeable
    }

    var testDescription: String {
        let pairs = options.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }
        return ([plugin] + pairs + [base.rawValue, task.name]).joined(separator: " ")
    }

    /// The plugin that this build made, which lies beside the test bundle.
    private func library() throws -> PluginLibrary {
        let folder = URL(filePath: CommandLine.arguments[0]).deletingLastPathComponent()
        return try PluginLibrary(path: folder.appending(path: "lib\(plugin).so").path)
    }

    func traced(_ model: Model) throws -> TracedMethod {
        let typed = options.sorted { $0.key < $1.key }.map { (name: $0.key, text: $0.value) }
        return try TracedMethod(
            library(), options: typed, model: model.configuration, task: task, totalSteps: 10,
            tokenize: MicroModel.tokenize, warn: { _ in })
    }

    /// The method on its model, as training begins.
    func model() throws -> AdaptedModel {
        let model = try base.model()
        return try AdaptedModel(model, method: traced(model).program, task: task, seed: 7)
    }

    /// The method on its model, with everything that trains moved to somewhere else.
    func trainedModel() throws -> AdaptedModel {
        let model = try model()
        var numbers = Numbers(seed: 11)
        for (index, entry) in model.tensors.entries.enumerated() where entry.declaration.isTrained {
            model.tensors[index] = model.tensors[index].map { $0 + 0.4 * Float(numbers.next()) }
        }
        return model
    }
}

/// A fixed stream of numbers in −1 ..< 1 (SplitMix64).
struct Numbers {
    private var state: UInt64

    init(seed: UInt64) { state = seed }

    mutating func next() -> Double {
        state &+= 0x9E37_79B9_7F4A_7C15
        var z = state
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return Double((z ^ (z >> 31)) >> 11) * 0x1p-52 - 1
    }
}
