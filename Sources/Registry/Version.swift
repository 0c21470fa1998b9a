import Formats
import Foundation
import GRDB

/// One version of an adapter.
struct Version: Codable, FetchableRecord {
    var id: Int64
    var name: String
    var number: Int
    /// UTC, ISO 8601.
    var created: String
    var note: String
    /// peft's type: LORA.
    var method: String
    var task: String
    var basePath: String
    var baseFingerprint: String
    var plugin: String
    var pluginSha256: String
    var seed: Int64?
    var dataSha256: String
    /// JSON, as are options and metrics.
    var configuration: String
    var options: String
    var metrics: String
    var parent: Int64?

    static let databaseColumnDecodingStrategy = DatabaseColumnDecodingStrategy.convertFromSnakeCase

    var text: String { "\(name)@\(number)" }

    /// The numbers that were measured, by name.
    var measures: [(name: String, value: Double)] {
        (try? JSON.parse(Array(metrics.utf8), place: text))?.members?.compactMap { member in
            member.value.double.map { (member.key, $0) }
        } ?? []
    }

    /// Its tags, in alphabetical order.
    func tags(_ db: Database) throws -> [String] {
        try Tagging.all(db, name).filter { $0.value == id }.keys.sorted()
    }

    /// Its files by path: what each holds, and its size.
    func files(_ db: Database) throws -> [(path: String, sha256: String, size: Int)] {
        try Row.fetchAll(
            db, sql: "SELECT path, sha256, size FROM file JOIN blob USING (sha256) WHERE version = ? ORDER BY path",
            arguments: [id]
        ).map { ($0["path"], $0["sha256"], $0["size"]) }
    }

    /// Everything that is known of it.
    func json(_ db: Database) throws -> JSON {
        func parsed(_ text: String) throws -> JSON { try JSON.parse(Array(text.utf8), place: self.text) }
        let parent = try parent.flatMap {
            try Version.fetchOne(db, sql: "SELECT * FROM version WHERE id = ?", arguments: [$0])
        }
        return [
            "name": .string(name), "version": .integer(Int64(number)), "created": .string(created),
            "tags": .array(try tags(db).map(JSON.string)), "note": .string(note),
            "peft_type": .string(method), "task_type": .string(task),
            "base": ["path": .string(basePath), "fingerprint": .string(baseFingerprint)],
            "plugin": ["id": .string(plugin), "sha256": .string(pluginSha256)],
            "seed": seed.map { .integer($0) } ?? nil, "data_sha256": .string(dataSha256),
            "parent": parent.map { .string($0.text) } ?? nil,
            "adapter_bytes": .integer(
                Int64(try files(db).first { $0.path == "adapter_model.safetensors" }?.size ?? 0)),
            "metrics": try parsed(metrics), "configuration": try parsed(configuration), "options": try parsed(options),
            "files": .object(
                try files(db).map {
                    .init($0.path, ["sha256": .string($0.sha256), "size": .integer(Int64($0.size))])
                }),
        ]
    }
}

extension Catalogue {
    /// The version that a reference names.
    static func version(_ db: Database, _ reference: Reference) throws -> Version {
        let found: Version?
        switch reference.selector {
        case .latest:
            found = try Version.fetchOne(
                db, sql: "SELECT * FROM version WHERE name = ? ORDER BY number DESC LIMIT 1",
                arguments: [reference.name])
        case .number(let number):
            found = try Version.fetchOne(
                db, sql: "SELECT * FROM version WHERE name = ? AND number = ?", arguments: [reference.name, number])
        case .tag(let tag):
            let id = try Tagging.all(db, reference.name)[tag]
            found = try id.flatMap {
                try Version.fetchOne(db, sql: "SELECT * FROM version WHERE id = ?", arguments: [$0])
            }
        }
        guard let found else {
            throw RegistryError(
                message: "there is no such adapter in the registry", place: "\(reference)",
                remedy: "peft-host registry list shows all")
        }
        return found
    }
}

/// Where tags are.
enum Tagging {
    /// The versions that the tags of a name are on now.
    static func all(_ db: Database, _ name: String) throws -> [String: Int64] {
        let rows = try Row.fetchAll(
            db, sql: "SELECT tag, version FROM tagging WHERE name = ? ORDER BY id", arguments: [name])
        return Dictionary(rows.map { ($0["tag"], $0["version"]) }) { $1 }
    }

    static func put(_ db: Database, _ tag: String, on version: Version) throws {
        guard try all(db, version.name)[tag] != version.id else { return }
        try db.execute(
            sql: "INSERT INTO tagging (name, tag, version) VALUES (?, ?, ?)",
            arguments: [version.name, tag, version.id])
    }

    /// Takes a tag back to where it was before.
    ///
    /// - Returns: that version.
    static func back(_ db: Database, _ tag: String, of name: String) throws -> Version {
        let rows = try Row.fetchAll(
            db, sql: "SELECT id, version FROM tagging WHERE name = ? AND tag = ? ORDER BY id DESC LIMIT 2",
            arguments: [name, tag])
        guard rows.count == 2 else {
            throw RegistryError(
                message: rows.isEmpty ? "there is no such tag" : "the tag was nowhere else before",
                place: "\(name)@\(tag)",
                remedy: "put it on a version with promote or tag")
        }
        let (last, before): (Int64, Int64) = (rows[0]["id"], rows[1]["version"])
        try db.execute(sql: "DELETE FROM tagging WHERE id = ?", arguments: [last])
        return try Version.fetchOne(db, sql: "SELECT * FROM version WHERE id = ?", arguments: [before])!
    }

    static func remove(_ db: Database, _ tag: String, of name: String) throws {
        guard try all(db, name)[tag] != nil else {
            throw RegistryError(message: "there is no such tag", place: "\(name)@\(tag)")
        }
        try db.execute(sql: "DELETE FROM tagging WHERE name = ? AND tag = ?", arguments: [name, tag])
    }
}
