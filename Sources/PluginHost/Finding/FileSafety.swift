import Glibc

/// Who else could have put code into a library: loading it runs that code with the user's rights.
enum FileSafety {
    /// Checks the library and the folder that holds it; folders further up are not looked at.
    ///
    /// - Parameter path: absolute, without symbolic links.
    /// - Returns: warnings.
    /// - Throws: `PluginError` where everyone can write to one of them, or where it belongs to somebody other than root
    ///   and the user.
    static func check(_ path: String) throws(PluginError) -> [String] {
        let folder = String(path[..<(path.lastIndex(of: "/") ?? path.startIndex)])
        var warnings: [String] = []
        for (name, kind) in [(path, "the library"), (folder.isEmpty ? "/" : folder, "the folder that holds it")] {
            var status = stat()
            guard stat(name, &status) == 0 else {
                throw PluginError(.notFound, "cannot be read (\(String(cString: strerror(errno))))", place: name)
            }
            let mode = String(status.st_mode & 0o7777, radix: 8)
            guard status.st_mode & S_IWOTH == 0 else {
                throw PluginError(
                    .refused, "refused: everyone can write to \(kind) (mode \(mode))", place: name,
                    remedy: "chmod o-w \(name)")
            }
            guard status.st_uid == 0 || status.st_uid == geteuid() else {
                throw PluginError(
                    .refused, "refused: \(kind) belongs to user \(status.st_uid), neither root nor you (\(geteuid()))",
                    place: name, remedy: "copy it to a folder of your own")
            }
            if status.st_mode & S_IWGRP != 0 {
                warnings.append("\(name): group \(status.st_gid) can write to \(kind) (mode \(mode))")
            }
        }
        return warnings
    }
}
