import CPeftPlugin
import Glibc
import Synchronization

/// A plugin whose library is mapped into this process. It stays so until the process ends.
package final class LoadedPlugin: @unchecked Sendable {
    /// The ABIs that this host speaks.
    package static let abi = 1...Int(PEFT_ABI_VERSION)

    package let path: String
    package let description: PluginDescription
    /// What the user should know: a load that changed the process, a file that a group can write to.
    package let warnings: [String]
    /// What loading it changed of this process, before it was put back.
    package let changes: [ProcessState.Change]
    let raw: peft_plugin
    /// A plugin is called from one thread at a time.
    private let turn = Mutex<Void>(())

    private static let loaded = Mutex<[String: LoadedPlugin]>([:])

    private init(
        path: String, raw: peft_plugin, description: PluginDescription, changes: [ProcessState.Change],
        warnings: [String]
    ) {
        self.changes = changes
        self.path = path
        self.raw = raw
        self.description = description
        self.warnings = warnings
    }

    /// Loads the library, calls its entry function once and compares what it says with its manifest.
    package static func load(_ library: PluginLibrary) throws(PluginError) -> LoadedPlugin {
        try loaded.withLock { plugins throws(PluginError) in
            if let plugin = plugins[library.path] { return plugin }
            let plugin = try map(library)
            plugins[library.path] = plugin
            return plugin
        }
    }

    /// Loads the library and enters it as another host would. What the plugin keeps of that host stays until it is entered
    /// again: for a process that does nothing else.
    package static func load(_ library: PluginLibrary, as host: HostVariant) throws(PluginError) -> LoadedPlugin {
        try loaded.withLock { _ throws(PluginError) in
            try HostInterface.standing(for: host) { () throws(PluginError) in try map(library) }
        }
    }

    func exclusively<T>(_ body: () throws(PluginError) -> T) throws(PluginError) -> T {
        try turn.withLock { _ throws(PluginError) in try body() }
    }

    private static func map(_ library: PluginLibrary) throws(PluginError) -> LoadedPlugin {
        let memory = PluginMemory(place: library.path)
        let (pointer, changed) = try enter(library.path)
        try checkABI(pointer, memory)
        let raw = try memory.read(peft_plugin.self, at: pointer, "peft_plugin")
        guard raw.inject != nil else { throw memory.fail("peft_plugin.inject is NULL") }
        let description = try memory.description(of: raw)
        let differences = description.differences(from: library.manifest)
        guard differences.isEmpty else {
            throw memory.fail(
                "its manifest and its code differ in \(differences.joined(separator: ", "))",
                remedy: "make the manifest anew with `peft-host plugins manifest`")
        }
        let warnings = changed.map { "\(library.path): loading it changed \($0.text) of this process" }
        return LoadedPlugin(
            path: library.path, raw: raw, description: description, changes: changed,
            warnings: library.warnings + warnings)
    }

    /// What the code of a library says that has no manifest yet: for its author, who is about to write one.
    package static func description(ofUnlisted path: String) throws(PluginError) -> PluginDescription {
        guard let resolved = realpath(path, nil) else {
            throw PluginError(.notFound, "cannot be read (\(String(cString: strerror(errno))))", place: path)
        }
        defer { free(resolved) }
        let path = String(cString: resolved)
        _ = try FileSafety.check(path)
        let memory = PluginMemory(place: path)
        let (pointer, _) = try enter(path)
        try checkABI(pointer, memory)
        return try memory.description(of: memory.read(peft_plugin.self, at: pointer, "peft_plugin"))
    }

    /// Maps the library and calls `peft_plugin_entry`, and puts back what that changed of this process.
    ///
    /// - Returns: what the entry gave, and what was put back.
    private static func enter(_ path: String) throws(PluginError) -> (UnsafeRawPointer, changed: [ProcessState.Change])
    {
        let state = ProcessState()
        let entered = Result { () throws(PluginError) in try call(path) }
        let changed = state.restore()
        return (try entered.get(), changed)
    }

    private static func call(_ path: String) throws(PluginError) -> UnsafeRawPointer {
        guard let handle = dlopen(path, RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE) else {
            let reason = String(cString: dlerror()).replacing("\n", with: " ")
            throw PluginError(.broken, "cannot be loaded: \(reason)", place: path)
        }
        guard let symbol = dlsym(handle, PluginLibrary.entrySymbol) else {
            throw PluginError(.notAPlugin, "not a plugin: exports no \(PluginLibrary.entrySymbol)", place: path)
        }
        typealias Entry = @convention(c) (UnsafePointer<peft_host>?) -> UnsafePointer<peft_plugin>?
        guard let plugin = unsafeBitCast(symbol, to: Entry.self)(HostInterface.host) else {
            throw PluginError(
                .incompatible,
                "says that it cannot work with \(HostVersion.product), which speaks ABI \(abi.upperBound)",
                place: path, remedy: "get a version of the plugin that fits the host")
        }
        return UnsafeRawPointer(plugin)
    }

    /// The handshake. Its two numbers stand in front of everything that a later ABI may add.
    private static func checkABI(_ pointer: UnsafeRawPointer, _ memory: PluginMemory) throws(PluginError) {
        let size = pointer.loadUnaligned(as: UInt32.self)
        guard size >= 12 else { throw memory.fail("peft_plugin.struct_size is \(size)") }
        let built = Int(pointer.loadUnaligned(fromByteOffset: 4, as: UInt32.self))
        let required = Int(pointer.loadUnaligned(fromByteOffset: 8, as: UInt32.self))
        try checkABI(built: built, required: required, host: abi, place: memory.place)
    }

    static func checkABI(built: Int, required: Int, host: ClosedRange<Int>, place: String) throws(PluginError) {
        let speaks = host.count == 1 ? "\(host.upperBound)" : "\(host.lowerBound) to \(host.upperBound)"
        guard required >= 1, required <= built else {
            throw PluginError(
                .broken, "was built with ABI \(built) and requires ABI \(required), which cannot be", place: place)
        }
        guard required <= host.upperBound else {
            throw PluginError(
                .incompatible, "requires plugin ABI \(required); this host speaks ABI \(speaks)", place: place,
                remedy: "it needs a newer host")
        }
        guard built >= host.lowerBound else {
            throw PluginError(
                .incompatible, "was built with plugin ABI \(built); this host speaks ABI \(speaks)", place: place,
                remedy: "it needs to be built anew")
        }
    }
}
