import Glibc

extension FormatError {
    /// What the operating system refused, from `errno`: `cannot open: Permission denied`.
    ///
    /// - Parameter action: what was tried, to follow "cannot".
    static func system(_ action: String, _ number: Int32, place: String) -> FormatError {
        switch number {
        case ENOENT, ENOTDIR: FormatError(.missing, "cannot \(action): no such file or folder", place: place)
        case EACCES, EPERM:
            FormatError(
                .inputOutput, "cannot \(action): permission denied", place: place,
                remedy: "change the permissions or choose another place")
        case ENOSPC, EDQUOT:
            FormatError(
                .inputOutput, "cannot \(action): the disk is full", place: place,
                remedy: "free some space or choose another disk")
        case EROFS:
            FormatError(
                .inputOutput, "cannot \(action): the file system is read-only", place: place,
                remedy: "choose another place")
        default: FormatError(.inputOutput, "cannot \(action): \(String(cString: strerror(number)))", place: place)
        }
    }
}

extension String {
    /// A name out of a file, fit for one line of an error: in quotes, control characters escaped, at most 80 characters.
    package var quoted: String {
        let scalars = unicodeScalars.prefix(80)
        let text = scalars.map { $0.value < 0x20 || $0.value == 0x7F ? $0.escaped(asASCII: true) : String($0) }.joined()
        return scalars.endIndex == unicodeScalars.endIndex ? "'\(text)'" : "'\(text)…'"
    }
}
