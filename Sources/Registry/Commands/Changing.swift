import ArgumentParser
import Formats
import GRDB
import Terminal

struct Tag: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Put a tag on a version; a tag is on one version of a name.")

    @OptionGroup var source: VersionOptions
    @Argument(help: "The tag.") var tag: String

    func validate() throws { try checkTag(tag) }

    func run() throws {
        let version = try source.registry.open().write { try put(tag, on: source.version, as: "tag", $0) }
        Output.line("\(version.name)@\(tag): \(version.text)")
    }
}

struct Promote: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Put the tag production on a version, which is then what NAME@production means.")

    @OptionGroup var source: VersionOptions
    @Option(help: "Another tag instead.") var tag = "production"

    func validate() throws { try checkTag(tag) }

    func run() throws {
        let version = try source.registry.open().write { try put(tag, on: source.version, as: "promote", $0) }
        Output.line("\(version.name)@\(tag): \(version.text)")
    }
}

private func put(_ tag: String, on reference: Reference, as action: String, _ db: Database) throws -> Version {
    let version = try Catalogue.version(db, reference)
    try Tagging.put(db, tag, on: version)
    try AuditLog.add(db, action, version.text, ["tag": .string(tag)])
    return version
}

struct Untag: ParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Take a tag away.")

    @OptionGroup var registry: RegistryOptions
    @Argument(help: "NAME@TAG.") var tagged: Reference

    func run() throws {
        let (name, tag) = try tagged.tagged()
        try registry.open().write { db in
            try Tagging.remove(db, tag, of: name)
            try AuditLog.add(db, "untag", name, ["tag": .string(tag)])
        }
    }
}

struct Rollback: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Put a tag back on the version that had it before.",
        discussion: "Again, and it goes back one more.")

    @OptionGroup var registry: RegistryOptions
    @Argument(help: "The adapter's name.") var name: String
    @Option(help: "The tag.") var tag = "production"

    func run() throws {
        let version = try registry.open().write { db in
            let version = try Tagging.back(db, tag, of: name)
            try AuditLog.add(db, "rollback", version.text, ["tag": .string(tag)])
            return version
        }
        Output.line("\(name)@\(tag): \(version.text)")
    }
}

struct Remove: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Take a version out; its number is not given again.",
        discussion: "A version with a tag stays. The space of its files is given back by collect.")

    @OptionGroup var source: VersionOptions

    func run() throws {
        let version = try source.registry.open().write { db in
            let version = try Catalogue.version(db, source.version)
            if let tag = try version.tags(db).first {
                throw RegistryError(
                    message: "it has the tag \(tag)", place: version.text,
                    remedy: "take it away first: untag \(version.name)@\(tag)")
            }
            try version.remove(db)
            return version
        }
        Output.line("\(version.text) is gone")
    }
}

struct Collect: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Give back the space of files that no version has any more.")

    @OptionGroup var registry: RegistryOptions
    @Option(
        help: ArgumentHelp(
            "Take out versions without a tag first, but for so many of each name, the newest.", valueName: "number"))
    var keep: Int?

    func validate() throws {
        if let keep, keep < 0 { throw ValidationError("--keep \(keep): 0 or more") }
    }

    func run() throws {
        let catalogue = try registry.open()
        let (versions, files, bytes) = try catalogue.write { db in
            var removed = 0
            for name in keep == nil ? [] : try String.fetchAll(db, sql: "SELECT DISTINCT name FROM version") {
                let all = try Version.fetchAll(
                    db, sql: "SELECT * FROM version WHERE name = ? ORDER BY number DESC", arguments: [name])
                for version in all.dropFirst(keep!) where try version.tags(db).isEmpty {
                    try version.remove(db)
                    removed += 1
                }
            }
            let unused = "FROM blob WHERE sha256 NOT IN (SELECT sha256 FROM file)"
            let row = try Row.fetchOne(db, sql: "SELECT count(*) AS files, coalesce(sum(size), 0) AS bytes \(unused)")!
            try db.execute(sql: "DELETE \(unused)")
            try AuditLog.add(
                db, "collect", "", ["versions": .integer(Int64(removed)), "files": .integer(row["files"])])
            return (removed, row["files"] as Int, row["bytes"] as Int)
        }
        try catalogue.vacuum()
        Output.line("\(versions) versions, \(files) files, \(bytes.grouped) bytes")
    }
}

extension Version {
    fileprivate func remove(_ db: Database) throws {
        try db.execute(sql: "DELETE FROM version WHERE id = ?", arguments: [id])
        try AuditLog.add(db, "remove", text)
    }
}

extension Reference {
    /// - Throws: where it does not name a tag.
    fileprivate func tagged() throws -> (name: String, tag: String) {
        guard case .tag(let tag) = selector else { throw ValidationError("\(self): write it as NAME@TAG") }
        return (name, tag)
    }
}
