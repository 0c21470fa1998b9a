import Adapters
import Models
import PluginHost
import Programs

/// The plugin that is checked, as a rule sees it.
package struct Subject: Sendable {
    /// Of the library, as it was given.
    package let path: String
    /// What everything random in a rule follows from.
    package let seed: UInt64
    /// Hyperparameters, as they are typed behind `-o`.
    package let options: [(name: String, text: String)]
    /// Tells the parent what is going on, for the case that the rule does not come back.
    private let report: @Sendable (String) -> Void

    package init(
        path: String, seed: UInt64, options: [(name: String, text: String)],
        report: @escaping @Sendable (String) -> Void = { _ in }
    ) {
        self.path = path
        self.seed = seed
        self.options = options
        self.report = report
    }

    /// Says what is about to be done; a crash or a hang is reported with the last of these.
    package func note(_ what: String) { report(what) }

    /// A stream of random numbers that follows from the seed and the rule alone.
    package func random(_ rule: String) -> RandomNumbers {
        RandomNumbers(seed: rule.utf8.reduce(seed ^ 0xCBF2_9CE4_8422_2325) { ($0 ^ UInt64($1)) &* 0x100_0000_01B3 })
    }

    /// What the file says of itself; nothing of it is run.
    package func library() throws -> PluginLibrary { try PluginLibrary(path: path) }

    package func manifest() throws -> PluginDescription { try library().manifest }

    /// The plugin, mapped into this process.
    package func plugin() throws -> LoadedPlugin {
        if LoadEffects.first == nil { note("loading") }
        return try LoadEffects.observe { try LoadedPlugin.load(library()) }
    }

    /// The method on a toy model, as an adapter keeps it.
    ///
    /// - Parameter options: over those that the user gave.
    package func traced(
        _ model: LlamaConfiguration, task: Task = .causalLM, options more: [(name: String, text: String)] = []
    ) throws -> TracedMethod {
        let plugin = try plugin()
        return try TracedMethod(
            library(), in: .inProcess, options: completed(more, plugin.description), model: model, task: task,
            derive: { $0.fillDerived() }, tokenize: ToyModel.tokenize, warn: { _ in })
    }

    /// The program alone, of the smallest toy model that the plugin gives one for.
    ///
    /// - Parameters:
    ///   - plugin: one that was entered in another way; nil for the usual.
    ///   - options: over those that the user gave.
    func program(
        of plugin: LoadedPlugin? = nil, options more: [(name: String, text: String)] = []
    ) throws -> MethodProgram {
        let plugin = try plugin ?? self.plugin()
        return try onSmallest { try program(of: plugin, on: $0, options: more) }
    }

    /// What `body` gives for the smallest of some toy models that it gives anything for: a default may be too large for the
    /// smallest (a block of 32 does not divide a width of 8).
    ///
    /// - Throws: what it throws for the last of them.
    func onSmallest<T>(_ body: (ToyModel) throws -> T) throws -> T {
        for toy in [ToyModel.plain, .wide] {
            if let result = try? body(toy) { return result }
        }
        return try body(.wider)
    }

    /// That model.
    func smallest(_ plugin: LoadedPlugin) throws -> ToyModel {
        try onSmallest { toy in
            _ = try program(of: plugin, on: toy)
            return toy
        }
    }

    /// The program alone, of that model.
    ///
    /// - Parameter calls: counts what the plugin asks of the host.
    func program(
        of plugin: LoadedPlugin, on toy: ToyModel, options more: [(name: String, text: String)] = [],
        calls: HostCalls = HostCalls()
    ) throws -> MethodProgram {
        let model = toy.configuration
        return try trace(
            plugin, settings(plugin.description, more), model: model.description, sites: model.sites(for: .causalLM),
            task: Task.causalLM.name, labels: 0, tokenize: ToyModel.tokenize, calls: calls)
    }

    /// Runs callbacks in a wrong order.
    func provoke(_ plugin: LoadedPlugin, on toy: ToyModel, _ disorder: Disorder) throws {
        let model = toy.configuration
        try PluginHost.provoke(
            plugin, disorder, settings(plugin.description), model: model.description,
            sites: model.sites(for: .causalLM), task: Task.causalLM.name, labels: 0)
    }

    private func settings(
        _ plugin: PluginDescription, _ more: [(name: String, text: String)] = []
    ) throws -> Settings {
        var settings = try Settings(plugin, options: completed(more, plugin))
        settings.fillDerived()
        return settings
    }

    /// What the user gave, and a small value of each required hyperparameter that is not among it.
    private func completed(
        _ more: [(name: String, text: String)], _ plugin: PluginDescription
    ) -> [(name: String, text: String)] {
        let given = Set((options + more).map(\.name))
        let required = plugin.hyperparameters.filter { $0.isRequired && !given.contains($0.name) }
        return required.map { ($0.name, $0.smallValue(1)) } + options + more
    }
}

extension Hyperparameter {
    /// A value that is allowed, as it is typed: the wanted number where it is.
    func smallValue(_ wanted: Double) -> String {
        let number = min(max(wanted, minimum), maximum)
        return switch type {
        case .integer: String(Int(number))
        case .number: String(number)
        case .boolean: "false"
        case .string: choices.first ?? "a"
        case .integerList: "[\(Int(number))]"
        case .numberList: "[\(number)]"
        case .stringList: choices.first ?? "a"
        }
    }
}

/// A fixed stream of numbers (SplitMix64, Steele et al. 2014).
package struct RandomNumbers: RandomNumberGenerator {
    private var state: UInt64

    package init(seed: UInt64) { state = seed }

    package mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var z = state
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }
}
