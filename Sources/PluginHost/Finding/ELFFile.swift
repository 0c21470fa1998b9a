/// What a 64-bit little-endian ELF shared library says of itself, read without loading it.
///
/// Format: System V ABI, generic part (gABI 4.1), chapters 4 and 5. The file is hostile input: every offset and count is
/// checked against the file's size, and tables are limited in size.
struct ELFFile {
    private struct Section {
        var name: Int
        var kind: UInt32
        var offset: Int
        var size: Int
        var link: Int
    }

    /// The largest table of sections, symbols or strings that is read.
    private static let maximumTable = 64 << 20
    /// The longest name that is read. Every symbol and section of a hostile file could point to one long string.
    fileprivate static let maximumName = 1024
    /// The most exported symbols that are listed, up to the first whose name cannot be read: a plugin has one.
    private static let maximumExports = 1 << 16
    /// The most entries of the dynamic section that are looked at.
    private static let maximumDynamic = 4096

    /// A piece of the file as it is mapped.
    private struct Segment {
        var kind: Int
        var flags: Int
    }

    let file: FileBytes
    /// `e_machine` as a name where it is a common one.
    let machine: String
    private let sections: [Section]
    private let sectionNames: [UInt8]
    private let segments: [Segment]

    init(_ file: FileBytes) throws(PluginError) {
        self.file = file
        func error(_ message: String) -> PluginError {
            PluginError(.notAPlugin, "not a plugin: \(message)", place: file.path)
        }
        guard let header = file.read(at: 0, count: 64), header.starts(with: [0x7F, 0x45, 0x4C, 0x46]) else {
            throw error("no ELF library")
        }
        guard header[4] == 2, header[5] == 1 else { throw error("not a 64-bit little-endian ELF library") }
        guard header.integer(16, 2) == 3 else { throw error("an ELF file, but not a shared library") }
        machine =
            [62: "x86_64", 183: "aarch64", 243: "riscv64"][header.integer(18, 2)] ?? "machine \(header.integer(18, 2))"
        let (start, size, count) = (header.integer(40, 8), header.integer(58, 2), header.integer(60, 2))
        guard count > 0, size >= 64, size * count <= ELFFile.maximumTable,
            let table = file.read(at: start, count: size * count)
        else {
            throw error("an ELF library without a readable table of sections")
        }
        var sections: [Section] = []
        for index in 0..<count {
            let entry = index * size
            sections.append(
                Section(
                    name: table.integer(entry, 4), kind: UInt32(table.integer(entry + 4, 4)),
                    offset: table.integer(entry + 24, 8), size: table.integer(entry + 32, 8),
                    link: table.integer(entry + 40, 4)))
        }
        self.sections = sections
        let names = header.integer(62, 2)
        guard names < count, let bytes = ELFFile.contents(sections[names], of: file) else {
            throw error("an ELF library whose names of sections cannot be read")
        }
        sectionNames = bytes
        guard let segments = ELFFile.segments(header, file) else {
            throw error("an ELF library without a readable table of segments")
        }
        self.segments = segments
    }

    /// The program headers; nil where they cannot be read.
    private static func segments(_ header: [UInt8], _ file: FileBytes) -> [Segment]? {
        let (start, size, count) = (header.integer(32, 8), header.integer(54, 2), header.integer(56, 2))
        guard size >= 56 || count == 0, let table = file.read(at: start, count: size * count) else { return nil }
        return (0..<count).map {
            Segment(kind: table.integer($0 * size, 4), flags: table.integer($0 * size + 4, 4))
        }
    }

    private static func contents(_ section: Section, of file: FileBytes) -> [UInt8]? {
        let isInFile = section.kind != 8  // SHT_NOBITS
        return isInFile && section.size <= maximumTable ? file.read(at: section.offset, count: section.size) : nil
    }

    /// The bytes of the section of that name; nil where there is none that can be read.
    func section(_ name: String) -> [UInt8]? {
        let section = sections.first { sectionNames.string($0.name) == name }
        return section.flatMap { ELFFile.contents($0, of: file) }
    }

    private func table(kind: UInt32) -> (entries: [UInt8], strings: [UInt8])? {
        guard let section = sections.first(where: { $0.kind == kind }), sections.indices.contains(section.link),
            let entries = ELFFile.contents(section, of: file),
            let strings = ELFFile.contents(sections[section.link], of: file)
        else { return nil }
        return (entries, strings)
    }

    /// The names of the symbols that it defines for others, in the file's order.
    var exports: [String] {
        guard let (entries, strings) = table(kind: 11) else { return [] }  // SHT_DYNSYM
        var names: [String] = []
        for entry in stride(from: 0, to: entries.count - entries.count % 24, by: 24) {
            let binding = entries[entry + 4] >> 4
            let visibility = entries[entry + 5] & 3
            let isDefined = entries.integer(entry + 6, 2) != 0
            guard isDefined, [1, 2, 10].contains(binding), [0, 3].contains(visibility) else { continue }
            guard let name = strings.string(entries.integer(entry, 4)), names.count < Self.maximumExports else { break }
            names.append(name)
        }
        return names
    }

    /// Whether loading it makes the process's stacks executable: a `PT_GNU_STACK` that says so, or none.
    var hasExecutableStack: Bool {
        segments.first { $0.kind == 0x6474_E551 }.map { $0.flags & 1 != 0 } ?? true
    }

    /// Whether a segment is mapped both to be written and to be run.
    var hasWritableCode: Bool { segments.contains { $0.kind == 1 && $0.flags & 3 == 3 } }

    /// Whether its code must be changed to be loaded: `DT_TEXTREL`, or the flag in `DT_FLAGS`.
    var hasTextRelocations: Bool {
        guard let (entries, _) = table(kind: 6) else { return false }
        return stride(from: 0, to: entries.count - entries.count % 16, by: 16).contains { entry in
            let (tag, value) = (entries.integer(entry, 8), entries.integer(entry + 8, 8))
            return tag == 22 || tag == 30 && value & 4 != 0
        }
    }

    /// The strings of the dynamic section's entries with that tag.
    private func dynamic(_ tag: Int) -> [String] {
        guard let (entries, strings) = table(kind: 6) else { return [] }  // SHT_DYNAMIC
        let places = stride(from: 0, to: entries.count - entries.count % 16, by: 16).prefix(Self.maximumDynamic)
        return places.compactMap { entry in
            entries.integer(entry, 8) == tag ? strings.string(entries.integer(entry + 8, 8)) : nil
        }
    }

    /// The libraries that it needs.
    var needed: [String] { dynamic(1) }
    /// The folders where those are looked for first, RPATH included.
    var runPath: [String] { (dynamic(29) + dynamic(15)).flatMap { $0.split(separator: ":").map(String.init) } }
}

extension [UInt8] {
    /// `count` little-endian bytes as a number; the largest one where it does not fit an `Int`, 0 where bytes are missing.
    fileprivate func integer(_ offset: Int, _ count: Int) -> Int {
        guard offset >= 0, offset <= self.count - count else { return 0 }
        var value: UInt64 = 0
        for index in (0..<count).reversed() { value = value << 8 | UInt64(self[offset + index]) }
        return Int(clamping: value)
    }

    /// The UTF-8 string at that offset, up to its NUL; nil where that is too far away.
    fileprivate func string(_ offset: Int) -> String? {
        guard indices.contains(offset),
            let end = self[offset...].prefix(ELFFile.maximumName).firstIndex(of: 0)
        else { return nil }
        return String(validating: self[offset..<end], as: UTF8.self)
    }
}
