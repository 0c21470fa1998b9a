import PluginHost
import Synchronization

/// What the first load of the library, which happens once in a process, showed.
struct LoadEffects: Sendable {
    /// How long it took.
    let duration: Duration

    private static let observed = Mutex<LoadEffects?>(nil)

    static var first: LoadEffects? { observed.withLock { $0 } }

    static func observe(_ load: () throws -> LoadedPlugin) throws -> LoadedPlugin {
        let start = ContinuousClock.now
        let plugin = try load()
        observed.withLock { if $0 == nil { $0 = LoadEffects(duration: .now - start) } }
        return plugin
    }
}
