import CHostSupport
import CPeftPlugin
import Glibc
import PluginKernels
import Programs
import Synchronization

/// The host's state while a plugin's callback runs: what a `peft_trace` pointer stands for.
///
/// Errors are sticky: the first one is kept with its place, everything after it does nothing.
final class Trace {
    enum Phase {
        /// Of a foreign configuration; the fields that the plugin looked at count as understood.
        case importConfig
        case plan
        /// At site `index` of those taken.
        case inject(index: Int)
        case method

        var name: String {
            switch self {
            case .importConfig: "import_config"
            case .plan: "plan"
            case .inject: "inject"
            case .method: "method"
            }
        }
    }

    let plugin: PluginDescription
    let model: ModelDescription
    /// Hugging Face's `task_type`.
    let task: String
    let labels: Int
    /// The ids of a text, special tokens included.
    let tokenize: (String) throws -> [Int32]
    /// Is told what is about to run of the plugin's code: "plan".
    let announce: (String) -> Void
    var phase = Phase.plan
    private(set) var error: PluginError?
    var warnings: [String] = []

    /// In plan all sites that match; from then on those that were taken.
    var sites: [SiteDescription]
    var taken: Set<Int> = []
    /// What `peft.settings/1` reads in this callback.
    var values: [String: HyperparameterValue] = [:]
    /// What ``values`` is resolved from.
    var settings: Settings?
    var importing: ConfigImport?

    /// In the order in which plan registered them.
    var kernels: [(kernel: Kernel, functions: KernelFunctions)] = []
    var tensors = TraceTensors()
    var openGraph: OpenGraph?
    var program: MethodProgram
    /// What plan's prelude gives.
    var preludeTypes: [TensorType] = []
    /// Of all that the plugin asks; nil where nobody counts.
    var calls: HostCalls?
    /// What inject has built so far at its site.
    var site = SiteParts()
    var begun: Set<Int32> = []

    /// Distinguishes the values of this trace from those of others.
    let generation: UInt64
    private static let generations = Atomic<UInt64>(0x51A70)
    private var lastSpace: UInt64 = 0
    /// The number space of this callback's parameters.
    var callbackSpace: UInt64 = 0
    private var strings: [UnsafeMutablePointer<CChar>] = []

    init(
        plugin: PluginDescription, model: ModelDescription, task: String, labels: Int, sites: [SiteDescription],
        settings: [MethodProgram.Setting], tokenize: @escaping (String) throws -> [Int32],
        announce: @escaping (String) -> Void = { _ in }
    ) {
        self.plugin = plugin
        self.model = model
        self.task = task
        self.labels = labels
        self.sites = sites
        self.tokenize = tokenize
        self.announce = announce
        program = MethodProgram(
            method: plugin.id, peftType: plugin.mainPeftType, version: plugin.version,
            settings: settings)
        program.isWithoutHead = plugin.capabilities.contains(.noHead)
        generation = Trace.generations.add(1, ordering: .relaxed).newValue
    }

    /// The object behind the pointer that a plugin gives back.
    static func at(_ pointer: OpaquePointer?) -> Trace? {
        guard let pointer else { return nil }
        let trace = Unmanaged<Trace>.fromOpaque(UnsafeRawPointer(pointer)).takeUnretainedValue()
        trace.calls?.next(in: trace)
        return trace
    }

    func newSpace() -> UInt64 {
        lastSpace += 1
        return lastSpace
    }

    // MARK: Errors

    /// Where the plugin is: "inject at model.layers.0.self_attn.q_proj, forward graph".
    var placeInPlugin: String {
        var place = phase.name
        if case .inject(let index) = phase { place += " at \(sites[index].module)" }
        if let openGraph { place += ", \(openGraph.kind.name) graph" }
        return place
    }

    func fail(_ message: String, code: PluginError.Code = .broken, remedy: String = "") {
        guard error == nil else { return }
        let line = message.split(whereSeparator: \.isNewline).joined(separator: " ")
        error = PluginError(code, "\(placeInPlugin): \(line)", place: plugin.id, remedy: remedy)
    }

    func notRunYet(_ what: String) {
        fail("\(what) is not run by this host yet", code: .unsupported, remedy: "it needs a newer host")
    }

    // MARK: Callbacks

    /// Runs one callback of the plugin.
    func run(_ phase: Phase, _ callback: (OpaquePointer) -> Int32) throws(PluginError) {
        self.phase = phase
        callbackSpace = newSpace()
        begun = []
        defer {
            for string in strings { free(string) }
            strings = []
            openGraph = nil
        }
        announce(placeInPlugin)
        let mode = host_float_control()
        let status = withExtendedLifetime(self) {
            callback(OpaquePointer(Unmanaged.passUnretained(self).toOpaque()))
        }
        if host_float_control() != mode {
            host_set_float_control(mode)
            fail("changed the floating-point mode", remedy: "it must leave rounding and denormals as they are")
        }
        if let openGraph { fail("\(openGraph.kind.name) graph was begun and never ended") }
        if status != PEFT_OK { fail("returned \(status) without saying why", remedy: "say why with peft.trace/1 fail") }
        if let error { throw error }
    }

    /// A string that lives until the callback returns.
    func lend(_ text: String) -> UnsafePointer<CChar>? {
        guard let copy = strdup(text) else { return nil }
        strings.append(copy)
        return UnsafePointer(copy)
    }

    /// A string of the plugin's; an error where it is NULL or not UTF-8.
    func text(_ pointer: UnsafePointer<CChar>?, _ name: String) -> String? {
        do throws(PluginError) {
            return try PluginMemory(place: plugin.id).string(pointer, name)
        } catch {
            fail(error.message)
            return nil
        }
    }
}

/// What inject builds at one site.
struct SiteParts {
    var initialize: Assignment?
    var forward: Int?
    var merge: SiteProgram.Merge?
}

/// All parameters and buffers declared so far.
struct TraceTensors {
    /// Tensor `index` of the method, or of taken site `site`.
    struct Reference: Hashable {
        var site: Int?
        var index: Int
    }

    /// By the index in a `peft_value`.
    var references: [Reference] = []
    /// The number space of plan, whose tensors can be used everywhere.
    var planSpace: UInt64?
    var ofMethod: [TensorDeclaration] = []
    /// By taken site.
    var ofSites: [[TensorDeclaration]] = []

    func declaration(_ reference: Reference) -> TensorDeclaration {
        reference.site.map { ofSites[$0][reference.index] } ?? ofMethod[reference.index]
    }

    /// The tensor's number in graphs over the whole method: the method's own first, then those of the sites.
    func number(_ reference: Reference) -> Int {
        guard let site = reference.site else { return reference.index }
        return ofMethod.count + ofSites[..<site].reduce(0) { $0 + $1.count } + reference.index
    }
}
