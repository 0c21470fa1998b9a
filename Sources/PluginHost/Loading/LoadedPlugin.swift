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
    /// What loading it changed of this process; it was put back.
    package let changes: [ProcessState.Part]
    let raw: peft_plugin
    /// A plugin is called from one thread at a time.
    private let turn = Mutex<Void>(())

    private static let loaded = Mutex<[String: LoadedPlugin]>([:])

    private init(
        file: LibraryFile, raw: peft_plugin, description: PluginDescription, changes: [ProcessState.Part]
    ) {
        path = file.path
        self.raw = raw
        self.description = description
        self.changes = changes
        warnings = file.warnings + changes.map { "\(file.path): loading it changed \($0.words) of this process" }
    }

    /// Loads the library, calls its entry function once and compares what it says with its manifest.
    package static func load(_ library: PluginLibrary) throws(PluginError) -> LoadedPlugin {
        try load(library.file, library.manifest)
    }

    /// - Parameter announce: is told what is about to run of the plugin's code.
    static func load(
        _ file: LibraryFile, _ manifest: PluginDescription, announce: (String) -> Void = { _ in }
    ) throws(PluginError) -> LoadedPlugin {
        try loaded.withLock { plugins throws(PluginError) in
            if let plugin = plugins[file.path] { return plugin }
            let plugin = try map(file, manifest, HostInterface.host, announce)
            plugins[file.path] = plugin
            return plugin
        }
    }

    /// Loads the library and enters it as another host would. What the plugin keeps of that host stays until it is entered
    /// again: for a process that does nothing else.
    package static func load(_ library: PluginLibrary, as host: HostVariant) throws(PluginError) -> LoadedPlugin {
        try map(library.file, library.manifest, HostInterface.make(host)) { _ in }
    }

    func exclusively<T>(_ body: () throws(PluginError) -> T) throws(PluginError) -> T {
        try turn.withLock { _ throws(PluginError) in try body() }
    }

    private static func map(
        _ file: LibraryFile, _ manifest: PluginDescription, _ host: UnsafePointer<peft_host>,
        _ announce: (String) -> Void
    ) throws(PluginError) -> LoadedPlugin {
        let memory = PluginMemory(place: file.path)
        let (pointer, changes) = try enter(file, host, announce)
        try checkABI(pointer, memory)
        let raw = try memory.read(peft_plugin.self, at: pointer, "peft_plugin")
        guard raw.inject != nil else { throw memory.fail("peft_plugin.inject is NULL") }
        let description = try memory.description(of: raw)
        let differences = description.differences(from: manifest)
        guard differences.isEmpty else {
            throw memory.fail(
                "its manifest and its code differ in \(differences.joined(separator: ", "))",
                remedy: "make the manifest anew with `peft-host plugins manifest`")
        }
        return LoadedPlugin(file: file, raw: raw, description: description, changes: changes)
    }

    /// What the code of a library says that has no manifest yet: for its author, who is about to write one.
    package static func description(ofUnlisted path: String) throws(PluginError) -> PluginDescription {
        try self.description(of: LibraryFile.open(path).file)
    }

    static func description(
        of file: LibraryFile, announce: (String) -> Void = { _ in }
    ) throws(PluginError) -> PluginDescription {
        let memory = PluginMemory(place: file.path)
        let (pointer, _) = try enter(file, HostInterface.host, announce)
        try checkABI(pointer, memory)
        return try memory.description(of: memory.read(peft_plugin.self, at: pointer, "peft_plugin"))
    }

    /// Maps the library and calls `peft_plugin_entry`, and puts back what that changed of this process.
    ///
    /// - Returns: what the entry gave, and what was put back.
    private static func enter(
        _ file: LibraryFile, _ host: UnsafePointer<peft_host>, _ announce: (String) -> Void
    ) throws(PluginError) -> (UnsafeRawPointer, changes: [ProcessState.Part]) {
        let state = ProcessState()
        let entered = Result { () throws(PluginError) in try call(file, host, announce) }
        let changes = state.restore()
        return (try entered.get(), changes)
    }

    private static func call(
        _ file: LibraryFile, _ host: UnsafePointer<peft_host>, _ announce: (String) -> Void
    ) throws(PluginError) -> UnsafeRawPointer {
        let path = file.path
        try file.checkUnchanged()
        announce("load")
        guard let handle = dlopen(path, RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE) else {
            let reason = String(cString: dlerror()).replacing("\n", with: " ")
            throw PluginError(.broken, "cannot be loaded: \(reason)", place: path)
        }
        // Somebody might have put another file there meanwhile; its constructors have run, but nothing of it is used.
        try file.checkUnchanged()
        announce(PluginLibrary.entrySymbol)
        guard let symbol = dlsym(handle, PluginLibrary.entrySymbol) else {
            throw PluginError(.notAPlugin, "not a plugin: exports no \(PluginLibrary.entrySymbol)", place: path)
        }
        typealias Entry = @convention(c) (UnsafePointer<peft_host>?) -> UnsafePointer<peft_plugin>?
        guard let plugin = unsafeBitCast(symbol, to: Entry.self)(host) else {
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
