import Formats
import Foundation
import Testing

@Suite struct MappedFileTests {
    @Test func mapsAllBytes() throws {
        let folder = try TemporaryFolder()
        let file = try MappedFile(try folder.write([1, 2, 3], "x"))
        #expect(file.size == 3)
        #expect(Array(file.bytes) == [1, 2, 3])
    }

    @Test func saysWhatIsWrong() throws {
        let folder = try TemporaryFolder()
        let pipe = "\(folder.path)/pipe"
        mkfifo(pipe, 0o600)
        let cases: [(String, FormatError)] = [
            (
                "\(folder.path)/gone",
                FormatError(.missing, "cannot open: no such file or folder", place: "\(folder.path)/gone")
            ),
            (folder.path, FormatError(.inputOutput, "is a folder, not a file", place: folder.path)),
            (
                try folder.write([], "empty"),
                FormatError(.truncated, "the file is empty", place: "\(folder.path)/empty")
            ),
            (pipe, FormatError(.inputOutput, "is not a regular file", place: pipe)),
        ]
        for (path, expected) in cases {
            let error = #expect(throws: FormatError.self) { try MappedFile(path) }
            #expect(error == expected)
        }
    }

    /// In a process of its own, which gives up the rights of the superuser.
    @Test func saysWhatMayNotBeRead() async {
        await #expect(processExitsWith: .success) {
            let folder = try TemporaryFolder()
            let path = try folder.write([1], "secret")
            chmod(path, 0)
            _ = seteuid(65534)
            let error = #expect(throws: FormatError.self) { try MappedFile(path) }
            #expect(error?.message == "cannot open: permission denied")
            let write = #expect(throws: FormatError.self) { try AtomicFile.write([1], to: "\(folder.path)/new") }
            #expect(geteuid() != 65534 || write?.message == "cannot write: permission denied")
            _ = seteuid(getuid())
        }
    }
}

@Suite struct AtomicFileTests {
    @Test func replacesAndLeavesNothingElse() throws {
        let folder = try TemporaryFolder()
        let path = try folder.write("old".utf8, "x")
        try AtomicFile.write("new text", to: path)
        #expect(try contents(path) == Array("new text".utf8))
        try AtomicFile.write([], to: path)
        #expect(try contents(path) == [])
        #expect(try folder.names() == ["x"])
    }

    @Test func keepsTheOldFileUntilItIsCommitted() throws {
        let folder = try TemporaryFolder()
        let path = try folder.write("old".utf8, "x")
        do {
            var file = try AtomicFile(path)
            try file.append([1, 2, 3].span.bytes)
            #expect(try folder.names().count == 2)
            #expect(try contents(path) == Array("old".utf8))
        }
        #expect(try folder.names() == ["x"])
    }

    @Test func saysWhatCannotBeWritten() throws {
        let folder = try TemporaryFolder()
        let missing = #expect(throws: FormatError.self) { try AtomicFile.write([1], to: "\(folder.path)/gone/x") }
        #expect(missing?.code == .missing)
        let occupied = "\(folder.path)/folder"
        try FileManager.default.createDirectory(atPath: occupied, withIntermediateDirectories: true)
        let error = #expect(throws: FormatError.self) { try AtomicFile.write([1], to: occupied) }
        #expect(error?.place == occupied)
        #expect(try folder.names() == ["folder"])
    }

    /// A limit on the size of files stands in for a full disk: the write fails half-way in both.
    @Test func keepsTheOldFileWhenTheDiskIsFull() async {
        await #expect(processExitsWith: .success) {
            let folder = try TemporaryFolder()
            let path = try folder.write("old".utf8, "x.safetensors")
            signal(SIGXFSZ, SIG_IGN)
            var limit = rlimit(rlim_cur: 4096, rlim_max: .max)
            getrlimit(__rlimit_resource_t(RLIMIT_FSIZE.rawValue), &limit)
            limit.rlim_cur = 4096
            setrlimit(__rlimit_resource_t(RLIMIT_FSIZE.rawValue), &limit)
            let tensor = SafetensorsWriter.Tensor("a", shape: [5000], .floats(Array(repeating: 1, count: 5000)))
            let error = #expect(throws: FormatError.self) { try SafetensorsWriter.write([tensor], to: path) }
            #expect(error?.code == .inputOutput)
            #expect(error?.message == "cannot write: File too large")
            #expect(try contents(path) == Array("old".utf8))
            #expect(try folder.names() == ["x.safetensors"])
        }
    }
}
