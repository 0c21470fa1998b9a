import Glibc

/// A plugin's library as it lies on disk: what it says of itself without being loaded.
package struct PluginLibrary: Sendable {
    package static let entrySymbol = "peft_plugin_entry"
    /// The machine that this host runs on, as ``machine`` names it.
    #if arch(x86_64)
        package static let hostMachine = "x86_64"
    #else
        package static let hostMachine = "aarch64"
    #endif

    package let file: LibraryFile
    package let manifest: PluginDescription
    package let machine: String
    /// The symbols that it exports; a good plugin has one.
    package let exports: [String]
    /// The libraries that it needs.
    package let needed: [String]
    package let runPath: [String]
    package let hasExecutableStack: Bool
    package let hasWritableCode: Bool
    package let hasTextRelocations: Bool

    /// Absolute, without symbolic links.
    package var path: String { file.path }
    /// What the user should know before it is loaded.
    package var warnings: [String] { file.warnings }

    /// - Throws: `PluginError` where the file is missing, unsafe to load or no plugin.
    package init(path: String) throws(PluginError) {
        let bytes: FileBytes
        (file, bytes) = try LibraryFile.open(path)
        let path = file.path
        let elf = try ELFFile(bytes)
        (machine, exports, needed, runPath) = (elf.machine, elf.exports, elf.needed, elf.runPath)
        (hasExecutableStack, hasWritableCode) = (elf.hasExecutableStack, elf.hasWritableCode)
        hasTextRelocations = elf.hasTextRelocations
        guard exports.contains(Self.entrySymbol) else {
            throw PluginError(
                .notAPlugin, "not a plugin: exports no \(Self.entrySymbol)", place: path,
                remedy: "link it with the exports.map that comes with the header")
        }
        guard let section = elf.section(PluginDescription.manifestSection) else {
            throw PluginError(
                .notAPlugin, "not a plugin: has no section \(PluginDescription.manifestSection)", place: path,
                remedy: "write its C file with `peft-host plugins manifest` and link that in")
        }
        manifest = try PluginDescription(manifest: section, place: path)
    }

    /// Why this host cannot load it, as far as its file says; nil where nothing stands against it.
    var misfit: PluginError? {
        guard machine == Self.hostMachine else {
            return PluginError(
                .incompatible, "is built for \(machine); this host runs on \(Self.hostMachine)", place: path,
                remedy: "get one for this machine")
        }
        do throws(PluginError) {
            try LoadedPlugin.checkABI(
                built: manifest.abiBuiltWith, required: manifest.abiMinRequired, host: LoadedPlugin.abi, place: path)
            return nil
        } catch {
            return error
        }
    }
}
