import CPeftPlugin

/// A parameter-efficient fine-tuning method: what a plugin is written as.
///
/// A method never computes. The host makes one instance and calls it while it traces: ``plan(_:)`` once, `inject(into:)` once
/// a site, ``finish(_:)`` once; each declares parameters and builds graphs, which the host differentiates and runs. State
/// that one callback would leave for another belongs into parameters and buffers, so that a trace can be repeated.
///
///     import CPeftPlugin
///     import PluginAPI
///
///     struct Scale: Method { … }
///
///     @c @implementation
///     public func peft_plugin_entry(_ host: UnsafePointer<peft_host>!) -> UnsafePointer<peft_plugin>! { plugin(Scale.self, host) }
public protocol Method {
    init()

    /// What `--plugin` takes: `LoRA`.
    static var id: String { get }
    /// By which a Hugging Face folder finds its plugin: `LORA`. `A+B`: it writes A and reads B too.
    static var peftType: String { get }
    static var version: String { get }
    /// An SPDX identifier.
    static var license: String { get }
    /// One line for people.
    static var summary: String { get }
    /// "Hu et al. 2021, arXiv:2106.09685"; empty for none.
    static var paper: String { get }
    static var defaultLearningRate: Double { get }
    static var capabilities: Capabilities { get }
    /// Which linear and embedding sites are adapted unless the user says.
    static var defaultTargets: [Role] { get }
    static var siteKinds: [SiteKind] { get }

    /// Once, with all matched sites: which of them are taken, what the whole method owns, and its prelude.
    /// By default all sites are taken.
    func plan(_ plan: Plan)

    /// Once a site that was taken. A method implements the kinds that ``siteKinds`` names.
    func inject(into site: LinearSite)
    func inject(into site: EmbeddingSite)
    func inject(into site: PromptSite)
    func inject(into site: AttentionSite)
    func inject(into site: BlockSite)
    func inject(into site: WeightSite)

    /// Once, after all sites: regularizer, update, export and import. By default nothing.
    func finish(_ method: MethodGraphs)

    /// For an adapter of other software, before tracing: what its `adapter_config.json` says beyond fields of the
    /// hyperparameters' names. By default nothing.
    func importConfig(_ config: Config)
}

extension Method {
    public static var license: String { "Apache-2.0" }
    public static var paper: String { "" }
    public static var capabilities: Capabilities { [] }
    public static var defaultTargets: [Role] { [] }
    public static var siteKinds: [SiteKind] { [.linear] }

    public func plan(_ plan: Plan) { plan.takeAll() }
    public func inject(into site: LinearSite) { refuse(site) }
    public func inject(into site: EmbeddingSite) { refuse(site) }
    public func inject(into site: PromptSite) { refuse(site) }
    public func inject(into site: AttentionSite) { refuse(site) }
    public func inject(into site: BlockSite) { refuse(site) }
    public func inject(into site: WeightSite) { refuse(site) }
    public func finish(_ method: MethodGraphs) {}
    public func importConfig(_ config: Config) {}

    private func refuse(_ site: some Site) {
        site.fail("\(Self.id) has no form for \(site.info.name), a site of another kind than it declares")
    }
}

/// What a method claims; `peft-host plugins check` holds it to that.
public struct Capabilities: OptionSet, Sendable {
    public let rawValue: UInt32
    public init(rawValue: UInt32) { self.rawValue = rawValue }

    /// Every site has a merge graph, or says what stands against it.
    public static let merge = Capabilities(rawValue: PEFT_CAN_MERGE)
    /// Before training the model's output is the base's.
    public static let identityAtInit = Capabilities(rawValue: PEFT_IDENTITY_AT_INIT)
    /// Registers kernels.
    public static let kernels = Capabilities(rawValue: PEFT_USES_KERNELS)
    /// Reads inputs that come with a row of the data.
    public static let rowInputs = Capabilities(rawValue: PEFT_USES_ROW_INPUTS)
    /// Wants calibration statistics.
    public static let calibration = Capabilities(rawValue: PEFT_CALIBRATES)
    /// Its Hugging Face form keeps no classification head: the host stores it in the file beside the adapter.
    public static let noHead = Capabilities(rawValue: PEFT_NO_HEAD)
}
