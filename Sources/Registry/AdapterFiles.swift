import Formats
import Foundation
import GRDB

/// An adapter's folder, read for the registry.
struct AdapterFiles {
    /// What belongs to an adapter; checkpoints of a run do not.
    private static let names = [
        "adapter_config.json", "adapter_model.safetensors", "peft_host.json", "method.program",
        "trainable_state.safetensors", "metrics.jsonl", "test_results.json", "README.md",
    ]
    /// Bytes of one piece of a file.
    private static let pieceSize = 4 << 20

    let folder: String
    private let files: [(name: String, file: MappedFile, sha256: String)]
    let configuration: JSON
    /// What `train` wrote beside it; null for adapters of other programs.
    let sidecar: JSON
    let metrics: JSON

    /// - Throws: `RegistryError` or `FormatError` where the folder holds no adapter.
    init(_ folder: String) throws {
        self.folder = folder
        let present = Self.names.filter { FileManager.default.fileExists(atPath: "\(folder)/\($0)") }
        guard present.starts(with: Self.names.prefix(2)) else {
            throw RegistryError(
                message: "there is no \(Self.names[present.first == Self.names[0] ? 1 : 0])", place: folder,
                remedy: "give an adapter's folder, as train writes it")
        }
        files = try present.map { name in
            let file = try MappedFile("\(folder)/\(name)")
            return (name, file, SHA256.of(Array(file.bytes)))
        }
        // Read as a whole: a file that was cut is not taken in.
        _ = try Safetensors(file: folder + "/adapter_model.safetensors")
        func json(_ name: String) throws -> JSON {
            guard present.contains(name) else { return .null }
            return try JSON.parse(MappedFile.content("\(folder)/\(name)"), place: "\(folder)/\(name)")
        }
        configuration = try json("adapter_config.json")
        guard configuration["peft_type"]?.string != nil else {
            throw RegistryError(message: "it has no \"peft_type\"", place: folder + "/adapter_config.json")
        }
        sidecar = try json("peft_host.json")
        metrics = try Self.metrics(folder, present, test: json("test_results.json"))
    }

    /// Those of the last epoch, and on the test rows.
    private static func metrics(_ folder: String, _ present: [String], test: JSON) throws -> JSON {
        var members: [JSON.Member] = []
        if present.contains("metrics.jsonl") {
            let place = folder + "/metrics.jsonl"
            let lines = try MappedFile.content(place).split(separator: UInt8(ascii: "\n"))
            members = try lines.last.map { try JSON.parse(Array($0), place: place).members ?? [] } ?? []
        }
        return .object(members + (test.members ?? []))
    }

    /// Puts the files into the registry.
    func store(_ db: Database, version: Int64) throws {
        for (name, file, sha256) in files {
            if try Int.fetchOne(db, sql: "SELECT 1 FROM blob WHERE sha256 = ?", arguments: [sha256]) == nil {
                try db.execute(
                    sql: "INSERT INTO blob (sha256, size) VALUES (?, ?)", arguments: [sha256, file.size])
                for (place, start) in stride(from: 0, to: file.size, by: Self.pieceSize).enumerated() {
                    let end = Swift.min(start + Self.pieceSize, file.size)
                    try db.execute(
                        sql: "INSERT INTO piece (sha256, place, bytes) VALUES (?, ?, ?)",
                        arguments: [sha256, place, Data(file.bytes[start..<end])])
                }
            }
            try db.execute(
                sql: "INSERT INTO file (version, path, sha256) VALUES (?, ?, ?)", arguments: [version, name, sha256])
        }
    }

    /// What a file in the registry holds.
    static func content(_ db: Database, sha256: String) throws -> Data {
        try Data.fetchAll(
            db, sql: "SELECT bytes FROM piece WHERE sha256 = ? ORDER BY place", arguments: [sha256]
        ).reduce(into: Data()) { $0.append($1) }
    }

    /// Writes a version's files into a folder that is not there yet.
    ///
    /// - Throws: `RegistryError` where the registry's copy is damaged.
    static func restore(_ db: Database, _ version: Version, to folder: String) throws {
        let unfinished = "\(folder).\(UUID().uuidString)"
        try FileManager.default.createDirectory(atPath: unfinished, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: unfinished) }
        for (path, sha256, _) in try version.files(db) {
            let bytes = Array(try content(db, sha256: sha256))
            guard SHA256.of(bytes) == sha256 else {
                throw RegistryError(message: "\(path) is damaged in the registry", place: version.text)
            }
            try AtomicFile.write(bytes, to: "\(unfinished)/\(path)")
        }
        // Whoever was first has written the same.
        guard rename(unfinished, folder) != 0 else { return }
        guard [EEXIST, ENOTEMPTY].contains(errno) else {
            throw RegistryError(message: String(cString: strerror(errno)), place: folder)
        }
    }

    /// Whether a folder holds a version's files, unchanged.
    static func isRestored(_ db: Database, _ version: Version, at folder: String) throws -> Bool {
        for (path, sha256, _) in try version.files(db) {
            guard (try? SHA256.file("\(folder)/\(path)")) == sha256 else { return false }
        }
        return true
    }
}
