import Glibc

/// What programs computed of rows that they have seen, in a file without a name: it takes no memory but the system's page
/// cache, and is gone with the process.
final class ActivationStore {
    /// What a row is known by: its tokens, and where its completion begins.
    struct Row: Hashable {
        let tokens: [Int32]
        let isCompletion: [Bool]
    }

    /// Floats of one token.
    let width: Int
    private let descriptor: Int32
    private let budget: Int
    private var used = 0
    private var places: [Row: Int] = [:]

    /// - Parameters:
    ///   - folder: where there is room for it; half of what is free there is the most that is used.
    ///   - width: floats of one token.
    /// - Returns: nil where no file can be made there.
    init?(in folder: String, width: Int) {
        var space = statvfs()
        guard statvfs(folder, &space) == 0 else { return nil }
        var path = Array("\(folder)/activations.XXXXXX".utf8CString)
        descriptor = mkstemp(&path)
        guard descriptor >= 0 else { return nil }
        unlink(path)
        budget = Int(space.f_bavail) * Int(space.f_frsize) / 2
        self.width = width
    }

    deinit { close(descriptor) }

    func has(_ row: Row) -> Bool { places[row] != nil }

    /// Keeps (tokens, width) floats of a row; nothing where there is no room.
    func keep(_ row: Row, _ values: UnsafeMutableRawBufferPointer) {
        guard used + values.count <= budget, places[row] == nil,
            pwrite(descriptor, values.baseAddress, values.count, used) == values.count
        else { return }
        places[row] = used
        used += values.count
    }

    /// Reads what was kept of a row.
    ///
    /// - Returns: whether that is what `values` now hold.
    func read(_ row: Row, into values: UnsafeMutableRawBufferPointer) -> Bool {
        guard let place = places[row] else { return false }
        return pread(descriptor, values.baseAddress, values.count, place) == values.count
    }
}
