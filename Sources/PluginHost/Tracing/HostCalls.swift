import CPeftPlugin
import Programs

/// Counts what a plugin asks of the host while it is traced, and can let one of those calls fail.
package final class HostCalls {
    package private(set) var count = 0
    /// Counted from 1; the trace has failed from that call on.
    private let failing: Int?

    package init(failing: Int? = nil) { self.failing = failing }

    func next(in trace: Trace) {
        count += 1
        if count == failing { trace.fail("the check lets call \(count) of the host fail") }
    }
}

/// Callbacks in an order in which no host runs them.
package enum Disorder: CaseIterable, Sendable {
    case injectWithoutPlan, methodWithoutInject, planTwice, injectTwice, methodTwice, injectAfterMethod

    /// For people.
    package var name: String {
        switch self {
        case .injectWithoutPlan: "inject without plan"
        case .methodWithoutInject: "method without inject"
        case .planTwice: "plan twice"
        case .injectTwice: "inject twice at one site"
        case .methodTwice: "method twice"
        case .injectAfterMethod: "inject after method"
        }
    }
}

/// Runs a plugin's callbacks in a wrong order. What comes of it is not looked at: an error is as good as none, so long as
/// the plugin returns.
package func provoke(
    _ plugin: LoadedPlugin, _ disorder: Disorder, _ settings: Settings, model: ModelDescription,
    sites: [SiteDescription], task: String, labels: Int
) throws(PluginError) {
    let raw = plugin.raw
    let selected = try settings.selection.select(from: sites, for: plugin.description, task: task)
    let trace = Trace(
        plugin: plugin.description, model: model, task: task, labels: labels, sites: selected, settings: [],
        tokenize: { _ in [0] })
    trace.tensors.ofSites = Array(repeating: [], count: selected.count)
    func plan() { try? trace.plan(raw, settings) }
    func inject() { if !trace.sites.isEmpty { try? trace.inject(raw, settings, 0) } }
    func method() {
        trace.values = settings.values
        trace.settings = settings
        if let method = raw.method { try? trace.run(.method) { method(raw.`self`, $0) } }
    }
    try plugin.exclusively { () throws(PluginError) in
        switch disorder {
        case .injectWithoutPlan: inject()
        case .methodWithoutInject: [plan, method].forEach { $0() }
        case .planTwice: [plan, plan, inject].forEach { $0() }
        case .injectTwice: [plan, inject, inject].forEach { $0() }
        case .methodTwice: [plan, inject, method, method].forEach { $0() }
        case .injectAfterMethod: [plan, method, inject].forEach { $0() }
        }
    }
}
