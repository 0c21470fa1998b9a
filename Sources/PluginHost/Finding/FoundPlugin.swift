import Glibc

/// A library of the search path: what it says of itself, and what stands against it.
package struct FoundPlugin: Sendable {
    /// Absolute, without symbolic links, where the file is there.
    package let path: String
    /// The folder through which it was found.
    let folder: Substring
    /// The file's name there.
    package let file: String
    /// nil where the file is no plugin that can be read.
    package let library: PluginLibrary?
    /// Why `--plugin` with its id does not give it; nil where it does.
    package private(set) var problem: PluginError?

    init(_ path: String) {
        let end = path.lastIndex(of: "/") ?? path.startIndex
        (folder, file) = (path[..<end], String(path[end...].dropFirst()))
        do throws(PluginError) {
            let library = try PluginLibrary(path: path)
            (self.library, self.path) = (library, library.path)
            problem = library.misfit
        } catch {
            let resolved = realpath(path, nil)
            defer { free(resolved) }
            (library, self.path) = (nil, resolved.map { String(cString: $0) } ?? path)
            problem = error
        }
    }

    mutating func shadow(by other: String) {
        problem = PluginError(
            .shadowed, "another with its id stands in front: \(library?.manifest.id ?? "") is \(other)", place: path,
            remedy: "remove one of them, or give --plugin the path")
    }
}
