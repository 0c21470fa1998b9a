import Glibc

/// A file opened for reading: bounds-checked pieces by offset.
///
/// Not a mapping: a file that somebody shortens meanwhile is an error here, not a signal.
final class FileBytes {
    let path: String
    let count: Int
    /// As it was when it was opened.
    let status: stat
    private let descriptor: Int32

    /// - Throws: `PluginError` where the file is missing, unreadable or not a regular file.
    init(path: String) throws(PluginError) {
        self.path = path
        descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        var status = stat()
        guard descriptor >= 0, fstat(descriptor, &status) == 0 else {
            let reason = String(cString: strerror(errno))
            throw PluginError(.notFound, "cannot be read (\(reason))", place: path)
        }
        (self.status, count) = (status, Int(status.st_size))
        guard status.st_mode & S_IFMT == S_IFREG else {
            throw PluginError(.notAPlugin, "not a plugin: not a regular file", place: path)
        }
    }

    deinit { if descriptor >= 0 { close(descriptor) } }

    /// Exactly `count` bytes, or nil where the file does not hold them.
    func read(at offset: Int, count: Int) -> [UInt8]? {
        guard offset >= 0, count >= 0, offset <= self.count, count <= self.count - offset else { return nil }
        var filled = 0
        let bytes = [UInt8](unsafeUninitializedCapacity: count) { buffer, initialized in
            while filled < count {
                let got = pread(descriptor, buffer.baseAddress! + filled, count - filled, off_t(offset + filled))
                if got <= 0 { break }
                filled += got
            }
            initialized = filled
        }
        return filled == count ? bytes : nil
    }
}
