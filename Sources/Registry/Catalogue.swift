import Foundation
import GRDB

/// The registry: one SQLite file with all adapters, their files included.
///
/// A change is one immediate transaction, which is on the disk before anybody is told that it was made: whoever is killed
/// leaves all of it or nothing, and writers wait for each other.
struct Catalogue {
    let path: String
    private let queue: DatabaseQueue

    private static let schemaVersion = 1
    private static let schema = """
        CREATE TABLE version (
            id INTEGER PRIMARY KEY AUTOINCREMENT,
            name TEXT NOT NULL, number INTEGER NOT NULL, created TEXT NOT NULL, note TEXT NOT NULL,
            method TEXT NOT NULL, task TEXT NOT NULL,
            base_path TEXT NOT NULL, base_fingerprint TEXT NOT NULL,
            plugin TEXT NOT NULL, plugin_sha256 TEXT NOT NULL,
            seed INTEGER, data_sha256 TEXT NOT NULL,
            configuration TEXT NOT NULL, options TEXT NOT NULL, metrics TEXT NOT NULL,
            parent INTEGER REFERENCES version (id) ON DELETE SET NULL,
            UNIQUE (name, number)
        ) STRICT;
        -- The number that each name's last version has, or had.
        CREATE TABLE counter (name TEXT PRIMARY KEY, number INTEGER NOT NULL) STRICT;
        -- An adapter's files, by what they hold: versions share those that are equal.
        CREATE TABLE blob (sha256 TEXT PRIMARY KEY, size INTEGER NOT NULL) STRICT;
        CREATE TABLE piece (
            sha256 TEXT NOT NULL REFERENCES blob (sha256) ON DELETE CASCADE, place INTEGER NOT NULL, bytes BLOB NOT NULL,
            PRIMARY KEY (sha256, place)
        ) STRICT;
        CREATE TABLE file (
            version INTEGER NOT NULL REFERENCES version (id) ON DELETE CASCADE, path TEXT NOT NULL,
            sha256 TEXT NOT NULL REFERENCES blob (sha256),
            PRIMARY KEY (version, path)
        ) STRICT;
        CREATE INDEX file_blob ON file (sha256);
        -- Where a tag was, in order; it is where it was put last and not taken back.
        CREATE TABLE tagging (
            id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL, tag TEXT NOT NULL,
            version INTEGER NOT NULL REFERENCES version (id) ON DELETE CASCADE
        ) STRICT;
        CREATE TABLE event (
            id INTEGER PRIMARY KEY AUTOINCREMENT, at TEXT NOT NULL, user TEXT NOT NULL, action TEXT NOT NULL,
            subject TEXT NOT NULL, detail TEXT NOT NULL, sha256 TEXT NOT NULL
        ) STRICT;
        """

    /// - Throws: `RegistryError` for a file that is no registry, or one of a later version.
    init(_ path: String) throws {
        self.path = path
        try FileManager.default.createDirectory(
            at: URL(filePath: path).deletingLastPathComponent(), withIntermediateDirectories: true)
        var configuration = Configuration()
        configuration.busyMode = .timeout(120)
        configuration.prepareDatabase { try $0.execute(sql: "PRAGMA synchronous = FULL") }
        do {
            queue = try DatabaseQueue(path: path, configuration: configuration)
            try queue.writeWithoutTransaction { db in
                guard try Catalogue.version(db) == 0 else { return }
                try db.inTransaction(.immediate) {
                    // Another process may have been first.
                    guard try Catalogue.version(db) == 0 else { return .commit }
                    guard try Int.fetchOne(db, sql: "SELECT count(*) FROM sqlite_master") == 0 else {
                        throw RegistryError(message: "this is the database of another program", place: path)
                    }
                    try db.execute(sql: Catalogue.schema)
                    try db.execute(sql: "PRAGMA user_version = \(Catalogue.schemaVersion)")
                    return .commit
                }
            }
            guard try queue.read(Catalogue.version) == Catalogue.schemaVersion else {
                throw RegistryError(message: "written by a newer peft-registry", place: path, remedy: "use that one")
            }
        } catch let error as DatabaseError {
            throw RegistryError(message: error.message ?? "\(error.resultCode)", place: path)
        }
    }

    private static func version(_ db: Database) throws -> Int { try Int.fetchOne(db, sql: "PRAGMA user_version") ?? 0 }

    func read<T>(_ body: (Database) throws -> T) throws -> T { try queue.read(body) }

    /// Runs a change as one transaction.
    func write<T>(_ body: (Database) throws -> T) throws -> T {
        try queue.writeWithoutTransaction { db in
            var result: T?
            try db.inTransaction(.immediate) {
                result = try body(db)
                return .commit
            }
            return result!
        }
    }

    /// Gives the space of what was deleted back to the disk.
    func vacuum() throws { try queue.writeWithoutTransaction { try $0.execute(sql: "VACUUM") } }
}
