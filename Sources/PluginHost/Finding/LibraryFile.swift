import Formats
import Glibc

/// A library's file that may be loaded as far as its owner and rights go, and how to tell that it is still the same.
package struct LibraryFile: Equatable, Sendable {
    /// What changes with the file: it cannot be written to, replaced or put back without a new time of change.
    struct Identity: Equatable, Sendable {
        /// Device, inode, size, and times of writing and of change in seconds and nanoseconds.
        var numbers: [Int]

        init(_ status: stat) {
            numbers = [
                Int(truncatingIfNeeded: status.st_dev), Int(truncatingIfNeeded: status.st_ino), Int(status.st_size),
                status.st_mtim.tv_sec, status.st_mtim.tv_nsec, status.st_ctim.tv_sec, status.st_ctim.tv_nsec,
            ]
        }

        init(numbers: [Int]) { self.numbers = numbers }
    }

    /// Absolute, without symbolic links.
    package let path: String
    let identity: Identity
    /// What the user should know before it is loaded.
    package let warnings: [String]

    /// Of a file that another process checked.
    init(path: String, identity: Identity) { (self.path, self.identity, warnings) = (path, identity, []) }

    private init(_ bytes: FileBytes) throws(PluginError) {
        path = bytes.path
        identity = Identity(bytes.status)
        warnings = try FileSafety.check(bytes)
    }

    /// Opens the file, following symbolic links, and checks what was opened.
    ///
    /// - Throws: `PluginError` where the file is missing or unsafe to load.
    static func open(_ path: String) throws(PluginError) -> (file: LibraryFile, bytes: FileBytes) {
        guard let resolved = realpath(path, nil) else {
            throw PluginError(.notFound, "cannot be read (\(String(cString: strerror(errno))))", place: path)
        }
        defer { free(resolved) }
        let bytes = try FileBytes(path: String(cString: resolved))
        return (try LibraryFile(bytes), bytes)
    }

    /// - Throws: `PluginError` where the path leads to another file than the one that was checked, or to a changed one.
    func checkUnchanged() throws(PluginError) {
        var status = stat()
        guard stat(path, &status) == 0 else { throw changed }
        try check(status)
    }

    fileprivate func check(_ status: stat) throws(PluginError) {
        guard Identity(status) == identity else { throw changed }
    }

    private var changed: PluginError {
        PluginError(
            .refused, "refused: the file was changed or exchanged after it was checked", place: path,
            remedy: "try again when it stays as it is")
    }
}

extension PluginLibrary {
    /// Compares the file's content with a digest that the user knows.
    ///
    /// - Parameter pin: 64 hexadecimal digits of a SHA-256.
    /// - Throws: `PluginError` where it is another one, before anything of the library is loaded.
    package func check(sha256 pin: String) throws(PluginError) {
        let bytes = try FileBytes(path: path)
        try file.check(bytes.status)
        let hash = SHA256()
        for start in stride(from: 0, to: bytes.count, by: 1 << 20) {
            guard let piece = bytes.read(at: start, count: min(1 << 20, bytes.count - start)) else {
                throw PluginError(.refused, "refused: the file became shorter while it was read", place: path)
            }
            piece.withUnsafeBytes { hash.update($0) }
        }
        let digest = hash.finish()
        guard digest == pin.lowercased() else {
            throw PluginError(
                .refused, "refused: its SHA-256 is \(digest), not \(pin.lowercased())", place: path,
                remedy: "it is not the library that --plugin-sha256 names")
        }
    }
}
