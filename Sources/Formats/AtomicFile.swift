import Glibc

/// A file that appears under its name only when it is complete: it is written beside it under a temporary name, flushed to
/// the disk and renamed. Whoever reads sees the old file or the new one; an error leaves the old one and no other trace.
///
///     var file = try AtomicFile("adapter.bin")
///     try file.append(header.span.bytes)
///     try file.append(values.span.bytes)
///     try file.commit()
package struct AtomicFile: ~Copyable {
    package let path: String
    private let folder: String
    private let temporary: String
    private let descriptor: Int32
    private var isCommitted = false

    /// Opens the temporary file, in the same folder so that the rename stays on one file system.
    ///
    /// - Throws: `FormatError` where the folder is missing or may not be written.
    package init(_ path: String) throws(FormatError) {
        let slash = path.lastIndex(of: "/")
        let name = slash.map { path[path.index(after: $0)...] } ?? path[...]
        folder = slash.map { $0 == path.startIndex ? "/" : String(path[..<$0]) } ?? "."
        let mark = String(UInt32.random(in: .min ... .max), radix: 16)
        temporary = "\(folder)/.\(name).\(mark).tmp"
        self.path = path
        descriptor = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o666)
        guard descriptor >= 0 else { throw .system("write", errno, place: path) }
    }

    deinit {
        close(descriptor)
        if !isCommitted { unlink(temporary) }
    }

    /// - Throws: `FormatError` where the disk is full or fails.
    package mutating func append(_ bytes: RawSpan) throws(FormatError) {
        try bytes.withUnsafeBytes { (buffer) throws(FormatError) in
            var rest = buffer[...]
            while !rest.isEmpty {
                let written = Glibc.write(descriptor, UnsafeRawBufferPointer(rebasing: rest).baseAddress, rest.count)
                if written < 0 {
                    if errno == EINTR { continue }
                    throw .system("write", errno, place: path)
                }
                rest = rest.dropFirst(written)
            }
        }
    }

    /// Puts the file in place, for good: file and folder are on the disk when this returns.
    package consuming func commit() throws(FormatError) {
        guard fsync(descriptor) == 0 else { throw .system("write", errno, place: path) }
        guard rename(temporary, path) == 0 else { throw .system("write", errno, place: path) }
        isCommitted = true
        let handle = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard handle >= 0 else { throw .system("flush the folder of", errno, place: path) }
        defer { close(handle) }
        // EINVAL: a file system on which folders need no flush.
        guard fsync(handle) == 0 || errno == EINVAL else { throw .system("flush the folder of", errno, place: path) }
    }
}

extension AtomicFile {
    package static func write(_ bytes: [UInt8], to path: String) throws(FormatError) {
        var file = try AtomicFile(path)
        try file.append(bytes.span.bytes)
        try file.commit()
    }

    /// As UTF-8.
    package static func write(_ text: String, to path: String) throws(FormatError) {
        try write(Array(text.utf8), to: path)
    }
}
