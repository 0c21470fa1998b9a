import Glibc

/// A host that differs from this one in what a plugin can see of it: for checks that a plugin gets along with older and
/// newer ones.
package struct HostVariant: Sendable {
    /// Where the host and its tables lie.
    package enum Memory: Sendable {
        case plain
        /// Each ends where readable memory ends, and cannot be written: whoever reads past it gets a signal.
        case guarded
        /// Each has grown: 64 bytes that are not 0 stand behind what is known, and `struct_size` counts them.
        case grown
    }

    /// The ABIs that it claims to speak.
    package var abi = LoadedPlugin.abi
    package var memory = Memory.plain
    /// Ids that it does not know.
    package var withoutTables: Set<String> = []

    package init(abi: ClosedRange<Int> = LoadedPlugin.abi, memory: Memory = .plain, withoutTables: Set<String> = []) {
        (self.abi, self.memory, self.withoutTables) = (abi, memory, withoutTables)
    }

    /// A struct that begins with its size, put where it stays for good.
    func place<T>(_ value: T) -> UnsafeRawPointer {
        let size = MemoryLayout<T>.size
        let extra = memory == .grown ? 64 : 0
        let page = Int(sysconf(Int32(_SC_PAGESIZE)))
        let room = (size + extra + page - 1) / page * page
        let isGuarded = memory == .guarded
        guard isGuarded else {
            let place = UnsafeMutableRawPointer.allocate(byteCount: size + extra, alignment: 16)
            return fill(place, value, extra)
        }
        guard let pages = mmap(nil, room + page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0),
            pages != MAP_FAILED
        else { return fill(.allocate(byteCount: size, alignment: 16), value, 0) }
        let place = fill(pages + room - size, value, 0)
        mprotect(pages, room, PROT_READ)
        mprotect(pages + room, page, PROT_NONE)
        return place
    }

    private func fill<T>(_ place: UnsafeMutableRawPointer, _ value: T, _ extra: Int) -> UnsafeRawPointer {
        let size = MemoryLayout<T>.size
        withUnsafeBytes(of: value) { place.copyMemory(from: $0.baseAddress!, byteCount: size) }
        memset(place + size, 0xA5, extra)
        place.storeBytes(of: UInt32(size + extra), as: UInt32.self)
        return UnsafeRawPointer(place)
    }
}
