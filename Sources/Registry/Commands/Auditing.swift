import ArgumentParser
import Formats
import GRDB
import Terminal

struct Verify: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Check every file's hash, the audit log's chain, and the database itself.",
        discussion: "Ends with 1 where something is wrong.")

    @OptionGroup var registry: RegistryOptions

    func run() throws {
        let (versions, files, faults) = try registry.open().read { db in
            var faults = try String.fetchAll(db, sql: "PRAGMA integrity_check").filter { $0 != "ok" }
            faults += try Row.fetchAll(db, sql: "PRAGMA foreign_key_check").map {
                "a row of \($0["table"] ?? "") has no other"
            }
            let hashes = try String.fetchAll(db, sql: "SELECT sha256 FROM blob")
            for sha256 in hashes where try SHA256.of(Array(AdapterFiles.content(db, sha256: sha256))) != sha256 {
                let owners = try Row.fetchAll(
                    db,
                    sql: "SELECT name, number, path FROM file JOIN version ON version.id = version WHERE sha256 = ?",
                    arguments: [sha256]
                ).map { "\($0["name"] as String)@\($0["number"] as Int) \($0["path"] as String)" }
                faults.append("\(owners.joined(separator: ", ")): not what was taken in")
            }
            if let event = try AuditLog.firstChanged(db) {
                faults.append("the audit log was changed at entry \(event)")
            }
            return (try Int.fetchOne(db, sql: "SELECT count(*) FROM version")!, hashes.count, faults)
        }
        for fault in faults { Message.note(fault) }
        guard faults.isEmpty else { throw ExitCode(1) }
        Output.line("\(versions) versions, \(files) files: all as they were taken in")
    }
}

struct Audit: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Print the audit log, one JSON line an entry, oldest first.")

    @OptionGroup var registry: RegistryOptions

    func run() throws {
        for entry in try registry.open().read(AuditLog.entries) { Output.line(entry.text()) }
    }
}
