import Glibc

/// A file mapped read-only: its pages come from the disk when they are touched, and are shared with every other reader.
///
/// The mapping lives as long as the object; keep the object wherever the pointer is used. A file that another program
/// shortens while it is mapped cannot be read safely, as with every mapping.
package final class MappedFile: Sendable {
    package let path: String
    /// All bytes of the file. The address is that of a page, so offsets into the file keep their alignment.
    nonisolated(unsafe) package let bytes: UnsafeRawBufferPointer

    /// - Throws: `FormatError` where the file is missing, not a regular file, empty, or may not be read.
    package init(_ path: String) throws(FormatError) {
        self.path = path
        // Without O_NONBLOCK, opening a named pipe would wait for a writer.
        let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard descriptor >= 0 else { throw .system("open", errno, place: path) }
        defer { close(descriptor) }
        var status = stat()
        guard fstat(descriptor, &status) == 0 else { throw .system("open", errno, place: path) }
        switch status.st_mode & S_IFMT {
        case S_IFREG: break
        case S_IFDIR: throw FormatError(.inputOutput, "is a folder, not a file", place: path)
        default: throw FormatError(.inputOutput, "is not a regular file", place: path)
        }
        guard status.st_size > 0 else { throw FormatError(.truncated, "the file is empty", place: path) }
        let size = Int(status.st_size)
        guard let address = mmap(nil, size, PROT_READ, MAP_PRIVATE, descriptor, 0), address != MAP_FAILED else {
            throw .system("map", errno, place: path)
        }
        bytes = UnsafeRawBufferPointer(start: address, count: size)
    }

    deinit {
        munmap(UnsafeMutableRawPointer(mutating: bytes.baseAddress), bytes.count)
    }

    /// Gives back the memory that a range takes, once it was read; what is read again comes from the file again.
    package func release(_ range: Range<Int>) {
        let page = Int(sysconf(Int32(_SC_PAGESIZE)))
        let first = (range.lowerBound + page - 1) / page * page, end = range.upperBound / page * page
        guard first < end else { return }
        madvise(UnsafeMutableRawPointer(mutating: bytes.baseAddress! + first), end - first, MADV_DONTNEED)
    }

    /// Bytes in the file.
    package var size: Int { bytes.count }

    /// A copy of a file's bytes, for files that are read once from end to end.
    package static func content(_ path: String) throws(FormatError) -> [UInt8] {
        let file = try MappedFile(path)
        return withExtendedLifetime(file) { Array(file.bytes) }
    }

    /// The bytes of a range as text.
    ///
    /// - Returns: `nil` where they are not UTF-8. The range must lie inside the file.
    func text(_ range: Range<Int>) -> String? {
        let bytes = UnsafeRawBufferPointer(rebasing: bytes[range]).bindMemory(to: UInt8.self)
        guard let text = try? UTF8Span(validating: bytes.span) else { return nil }
        return String(copying: text)
    }
}
