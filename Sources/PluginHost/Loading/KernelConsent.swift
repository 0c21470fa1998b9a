import Formats
import Glibc

/// Whether the user lets the kernels of a library run. Kernels are the one thing of a plugin that runs inside the host's own
/// process, for as long as the process does; so a plugin that brings some is loaded only with the user's consent, which
/// holds for the library's content as it was when it was given.
package struct KernelConsent: Sendable {
    /// One line for each library: its SHA-256, two spaces, and for people its method and path.
    package let file: String

    package init(file: String) { self.file = file }

    /// That of the user: in peft-host of the folder of settings (`XDG_CONFIG_HOME`, by default `~/.config`).
    package static var user: KernelConsent {
        func variable(_ name: String) -> String? {
            guard let text = getenv(name), text.pointee == UInt8(ascii: "/") else { return nil }
            return String(cString: text)
        }
        let folder = variable("XDG_CONFIG_HOME") ?? (variable("HOME") ?? "") + "/.config"
        return KernelConsent(file: folder + "/peft-host/allowed-kernels")
    }

    private var lines: [Substring] {
        guard let bytes = try? MappedFile.content(file) else { return [] }
        return String(decoding: bytes, as: UTF8.self).split(whereSeparator: \.isNewline)
    }

    private func digest(_ library: PluginLibrary) throws(PluginError) -> String {
        do throws(FormatError) {
            return try SHA256.file(library.path)
        } catch {
            throw PluginError(.notFound, "\(error)", place: library.path)
        }
    }

    /// Whether the library may be loaded: it brings no kernels, or its content was allowed.
    package func covers(_ library: PluginLibrary) throws(PluginError) -> Bool {
        guard library.manifest.capabilities.contains(.kernels) else { return true }
        let digest = try digest(library)
        return lines.contains { $0.hasPrefix(digest + "  ") }
    }

    /// Remembers that the user allows this library's kernels.
    package func give(to library: PluginLibrary) throws(PluginError) {
        guard try !covers(library) else { return }
        let line = "\(try digest(library))  \(library.manifest.id) \(library.manifest.version)  \(library.path)"
        do throws(FormatError) {
            try Folder.make(String(file[..<(file.lastIndex(of: "/") ?? file.startIndex)]))
            try AtomicFile.write((lines.map(String.init) + [line]).joined(separator: "\n") + "\n", to: file)
        } catch {
            throw PluginError(
                .refused, "the consent to its kernels cannot be kept: \(error)", place: library.manifest.id)
        }
    }

    /// - Throws: `PluginError` that says what would happen, where the user did not allow it.
    package func check(_ library: PluginLibrary) throws(PluginError) {
        guard try !covers(library) else { return }
        throw PluginError(
            .refused,
            "brings kernels: code of \(library.path) would run inside this process, with your rights and without a sandbox, "
                + "while it trains and whenever the adapter is used", place: library.manifest.id,
            remedy: "where you trust it, allow it once with --allow-kernels; this is remembered for the library "
                + "as it is now")
    }
}
