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

    /// Absolute, without symbolic links.
    package let path: String
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
    /// What the user should know before it is loaded.
    package let warnings: [String]

    /// - Throws: `PluginError` where the file is missing, unsafe to load or no plugin.
    package init(path: String) throws(PluginError) {
        guard let resolved = realpath(path, nil) else {
            throw PluginError(.notFound, "cannot be read (\(String(cString: strerror(errno))))", place: path)
        }
        defer { free(resolved) }
        self.path = String(cString: resolved)
        warnings = try FileSafety.check(self.path)
        let elf = try ELFFile(try FileBytes(path: self.path))
        (machine, exports, needed, runPath) = (elf.machine, elf.exports, elf.needed, elf.runPath)
        (hasExecutableStack, hasWritableCode) = (elf.hasExecutableStack, elf.hasWritableCode)
        hasTextRelocations = elf.hasTextRelocations
        guard exports.contains(Self.entrySymbol) else {
            throw PluginError(
                .notAPlugin, "not a plugin: exports no \(Self.entrySymbol)", place: self.path,
                remedy: "link it with the exports.map that comes with the header")
        }
        guard let section = elf.section(PluginDescription.manifestSection) else {
            throw PluginError(
                .notAPlugin, "not a plugin: has no section \(PluginDescription.manifestSection)", place: self.path,
                remedy: "write its C file with `peft-host plugins manifest` and link that in")
        }
        manifest = try PluginDescription(manifest: section, place: self.path)
    }
}
