import ArgumentParser
import Formats
import GRDB
import Terminal

struct Add: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Take an adapter's folder in as a new version.",
        discussion: "Prints the version when it is on the disk.")

    @OptionGroup var registry: RegistryOptions
    @Argument(help: "The adapter's folder.") var folder: String
    @Option(help: "The adapter's name; versions of a name are counted.") var name: String
    @Option(help: "Put this tag on it. (repeatable)") var tag: [String] = []
    @Option(help: "The version that it was made from.") var parent: Reference?
    @Option(help: "What there is to say of it.") var note = ""

    func validate() throws {
        guard Reference.isName(name) else { throw ValidationError("--name \(name): letters, digits, '.', '-' and '_'") }
        for tag in tag { try checkTag(tag) }
    }

    func run() throws {
        let files = try AdapterFiles(folder)
        let version = try registry.open().write { db in
            let parent = try parent.map { try Catalogue.version(db, $0) }
            let number = try Int.fetchOne(
                db,
                sql: """
                    INSERT INTO counter (name, number) VALUES (?, 1)
                    ON CONFLICT (name) DO UPDATE SET number = number + 1 RETURNING number
                    """, arguments: [name])!
            let (sidecar, configuration) = (files.sidecar, files.configuration)
            func text(_ json: JSON?) -> String { json?.string ?? "" }
            try db.execute(
                sql: """
                    INSERT INTO version (name, number, created, note, method, task, base_path, base_fingerprint, plugin,
                        plugin_sha256, seed, data_sha256, configuration, options, metrics, parent)
                    VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
                    """,
                arguments: [
                    name, number, AuditLog.now, note, text(configuration["peft_type"]),
                    text(configuration["task_type"]),
                    sidecar["base"]?["path"]?.string ?? text(configuration["base_model_name_or_path"]),
                    text(sidecar["base"]?["fingerprint"]), text(sidecar["plugin"]?["id"]),
                    text(sidecar["plugin"]?["sha256"]), sidecar["seed"]?.int, text(sidecar["data_sha256"]),
                    configuration.text(), (sidecar["options"] ?? .null).text(), files.metrics.text(), parent?.id,
                ])
            let version = try Version.fetchOne(
                db, sql: "SELECT * FROM version WHERE id = ?", arguments: [db.lastInsertedRowID])!
            try files.store(db, version: version.id)
            try AuditLog.add(db, "add", version.text, ["folder": .string(folder)])
            for tag in tag {
                try Tagging.put(db, tag, on: version)
                try AuditLog.add(db, "tag", version.text, ["tag": .string(tag)])
            }
            return version
        }
        Output.line(version.text)
    }
}

/// - Throws: where a text cannot be a tag.
func checkTag(_ tag: String) throws {
    guard Reference.isTag(tag) else {
        throw ValidationError("the tag \(tag): letters, digits, '.', '-' and '_', no number, and not \"latest\"")
    }
}
