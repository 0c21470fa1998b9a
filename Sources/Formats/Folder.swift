import Glibc

/// What is done to folders as a whole.
package enum Folder {
    /// Makes the folder and those above it, where they are not there yet.
    ///
    /// - Throws: `FormatError` that says what the operating system refused.
    package static func make(_ path: String) throws(FormatError) {
        guard mkdir(path, 0o777) != 0 else { return }
        switch errno {
        case EEXIST where isFolder(path): return
        case ENOENT:
            let trimmed = path.last == "/" ? path.dropLast() : path[...]
            guard let slash = trimmed.lastIndex(of: "/"), slash != trimmed.startIndex,
                !isFolder(String(trimmed[..<slash]))
            else { throw .system("make the folder", ENOENT, place: path) }
            try make(String(trimmed[..<slash]))
            guard mkdir(path, 0o777) == 0 else { throw .system("make the folder", errno, place: path) }
        case let number: throw .system("make the folder", number, place: path)
        }
    }

    /// Looks, without a trace, whether ``make(_:)`` would do: whether the folder, or the nearest one above it that is there,
    /// can be written.
    package static func check(_ path: String) throws(FormatError) {
        var parts = path.split(separator: "/", omittingEmptySubsequences: false)
        var place = path
        var status = stat()
        while stat(place, &status) != 0 {
            guard errno == ENOENT else { throw .system("make the folder", errno, place: path) }
            parts.removeLast()
            place = parts.isEmpty ? "." : parts == [""] ? "/" : parts.joined(separator: "/")
        }
        guard isFolder(place) else { throw .system("make the folder", ENOTDIR, place: path) }
        guard access(place, W_OK | X_OK) == 0 else { throw .system("write", errno, place: path) }
    }

    /// Where programs keep what they can make again: `PEFT_HOST_CACHE`, or peft-host in the user's cache folder.
    package static var cache: String {
        func variable(_ name: String) -> String? {
            guard let text = getenv(name), text.pointee != 0 else { return nil }
            return String(cString: text)
        }
        let user = variable("XDG_CACHE_HOME") ?? (variable("HOME") ?? "") + "/.cache"
        return variable("PEFT_HOST_CACHE") ?? user + "/peft-host"
    }

    /// Removes what an ``AtomicFile`` left behind when its process was killed.
    ///
    /// - Parameter seconds: how long nobody must have written to it, where another process may be at work.
    package static func removeTemporaries(in path: String, olderThan seconds: Int = 0) {
        guard let stream = opendir(path) else { return }
        defer { closedir(stream) }
        while let entry = readdir(stream) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) {
                $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            guard name.hasPrefix("."), name.hasSuffix(".tmp") else { continue }
            var status = stat()
            guard stat("\(path)/\(name)", &status) == 0, time(nil) - status.st_mtim.tv_sec >= seconds else { continue }
            unlink("\(path)/\(name)")
        }
    }

    private static func isFolder(_ path: String) -> Bool {
        var status = stat()
        return stat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFDIR
    }
}
