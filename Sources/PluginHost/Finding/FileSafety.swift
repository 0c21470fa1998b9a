import Glibc

/// Who else could have put code into a library: loading it runs that code with the user's rights.
enum FileSafety {
    /// Checks the library and the folder that holds it; folders further up are not looked at.
    ///
    /// - Parameter file: opened by an absolute path without symbolic links; what is checked is the file that is open.
    /// - Returns: warnings.
    /// - Throws: `PluginError` where everyone can write to one of them, or where it belongs to somebody other than root
    ///   and the user.
    static func check(_ file: FileBytes) throws(PluginError) -> [String] {
        let path = file.path
        let end = path.lastIndex(of: "/") ?? path.startIndex
        let folder = end == path.startIndex ? "/" : String(path[..<end])
        var above = stat()
        guard stat(folder, &above) == 0 else {
            throw PluginError(.notFound, "cannot be read (\(String(cString: strerror(errno))))", place: folder)
        }
        var warnings: [String] = []
        for (name, kind, status) in [
            (path, "the library", file.status), (folder, "the folder that holds it", above),
        ] {
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
