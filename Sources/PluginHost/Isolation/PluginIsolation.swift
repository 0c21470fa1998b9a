/// In which process a plugin's code runs.
package enum PluginIsolation: Sendable {
    /// In a child: `peft-trace`, started for one request.
    case child(ChildLimits = ChildLimits())
    /// In this one, for debugging.
    case inProcess
}

/// What a child may use.
package struct ChildLimits: Sendable {
    /// From its start to its answer.
    package var seconds = 60
    /// Bytes of address space.
    package var memory = 4 << 30

    package init() {}
}

/// A plugin that can be asked for its method: the one place where it is decided in which process its code runs.
///
/// - Throws: `PluginError`, in this process where the library cannot be loaded.
package func openPlugin(
    _ library: PluginLibrary, _ isolation: PluginIsolation = .child()
) throws(PluginError) -> any TraceablePlugin {
    switch isolation {
    case .child where library.manifest.capabilities.contains(.kernels):
        // What it brings runs here in any case, and is registered while it is traced.
        try KernelConsent.user.check(library)
        return try LoadedPlugin.load(library)
    case .child(let limits): return ChildPlugin(library, limits)
    case .inProcess: return try LoadedPlugin.load(library)
    }
}

/// What a library says of itself that has no manifest yet: for its author, who is about to write one.
package func describePlugin(
    unlisted path: String, _ isolation: PluginIsolation = .child()
) throws(PluginError) -> PluginDescription {
    switch isolation {
    case .child(let limits): return try ChildPlugin.description(of: LibraryFile.open(path).file, limits)
    case .inProcess: return try LoadedPlugin.description(ofUnlisted: path)
    }
}
