import Foundation
import Models
import PluginCheck
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
        /// Only a little else.
        case besideBase
        case other
    }

    var plugin: String
    /// By name, as they are typed behind `-o`.
    var options: [String: String]
    var base: Base
    var task: Task
    var start: Start
    var isMergeable: Bool

    init(
        _ plugin: String, _ options: [String: String] = [:], base: Base = .plain, task: Task = .causalLM,
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
    func bench() throws -> Bench {
        let folder = URL(filePath: CommandLine.arguments[0]).deletingLastPathComponent()
        let library = try PluginLibrary(path: folder.appending(path: "lib\(plugin).so").path)
        let typed = options.sorted { $0.key < $1.key }.map { (name: $0.key, text: $0.value) }
        return try Bench(library, typed, toy: base.toy, task: task)
    }

    /// The method on its model, as training begins.
    func model() throws -> AdaptedModel { try bench().begun() }
}

/// The toy models of the cases.
enum Base: String, Sendable {
    case plain, biased, untied, windowed

    var toy: ToyModel {
        switch self {
        case .plain: .plain
        case .biased: .biased
        case .untied: .untied
        case .windowed: .windowed
        }
    }

    /// The frozen model alone.
    func bare(_ task: Task) throws -> AdaptedModel {
        try AdaptedModel(toy.model(), method: nil, task: task, seed: 7)
    }
}
