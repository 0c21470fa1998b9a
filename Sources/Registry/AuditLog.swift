import Formats
import Foundation
import GRDB

/// What was done, by whom and when: entries are only added, and each one's hash is over the one before too, so that a log
/// which was changed or shortened in the middle shows it.
enum AuditLog {
    static var now: String { Date.now.ISO8601Format() }

    static func add(_ db: Database, _ action: String, _ subject: String, _ detail: JSON = [:]) throws {
        let previous = try String.fetchOne(db, sql: "SELECT sha256 FROM event ORDER BY id DESC LIMIT 1") ?? ""
        let entry = [now, NSUserName(), action, subject, detail.text()]
        try db.execute(
            sql: "INSERT INTO event (at, user, action, subject, detail, sha256) VALUES (?, ?, ?, ?, ?, ?)",
            arguments: StatementArguments(entry + [hash(previous, entry)]))
    }

    private static func hash(_ previous: String, _ entry: [String]) -> String {
        SHA256.of(Array(([previous] + entry).joined(separator: "\u{0}").utf8))
    }

    /// All entries, oldest first.
    static func entries(_ db: Database) throws -> [JSON] {
        try Row.fetchAll(db, sql: "SELECT * FROM event ORDER BY id").map { row in
            func text(_ column: String) -> JSON { .string(row[column]) }
            return [
                "id": .integer(row["id"]), "at": text("at"), "user": text("user"), "action": text("action"),
                "subject": text("subject"),
                "detail": try JSON.parse(Array((row["detail"] as String).utf8), place: "the audit log"),
                "sha256": text("sha256"),
            ]
        }
    }

    /// The first entry that is not as it was written; nil where all are.
    static func firstChanged(_ db: Database) throws -> Int64? {
        var previous = ""
        for row in try Row.fetchAll(db, sql: "SELECT * FROM event ORDER BY id") {
            let entry: [String] = [row["at"], row["user"], row["action"], row["subject"], row["detail"]]
            guard row["sha256"] == hash(previous, entry) else { return row["id"] }
            previous = row["sha256"]
        }
        return nil
    }
}
