import ArgumentParser
import Formats
import GRDB
import Terminal

/// Versions as lines of a table.
private enum Overview {
    static func show(_ versions: [Version], _ db: Database, json: Bool) throws {
        if json {
            for version in versions { Output.line(try version.json(db).text()) }
            return
        }
        let rows = try versions.map { version in
            [
                version.text, try version.tags(db).joined(separator: " "), version.method, version.task,
                measures(version), version.created, version.note,
            ]
        }
        let head = ["version", "tags", "method", "task", "figures", "created", "note"]
        for line in Columns.lines([head] + rows, width: Columns.terminalWidth) { Output.line(line) }
    }

    /// The few that tell versions apart.
    private static func measures(_ version: Version) -> String {
        let all = version.measures
        let wanted = ["test_accuracy", "accuracy", "test_perplexity", "perplexity"]
        return wanted.compactMap { name in all.first { $0.name == name } }.prefix(1).map {
            "\($0.name) \(short($0.value))"
        }.joined()
    }
}

/// A number with at most four digits behind the point.
func short(_ value: Double) -> String {
    let rounded = (value * 10_000).rounded() / 10_000
    return rounded == rounded.rounded() && abs(rounded) < 1e15 ? String(Int(rounded)) : String(rounded)
}

struct List: ParsableCommand {
    static let configuration = CommandConfiguration(abstract: "List all versions, newest last.")

    @OptionGroup var registry: RegistryOptions
    @Argument(help: "Of this adapter only.") var name: String?
    @Flag(help: "One JSON line a version.") var json = false

    func run() throws {
        try registry.open().read { db in
            let versions =
                try name.map {
                    try Version.fetchAll(db, sql: "SELECT * FROM version WHERE name = ? ORDER BY id", arguments: [$0])
                } ?? Version.fetchAll(db, sql: "SELECT * FROM version ORDER BY id")
            try Overview.show(versions, db, json: json)
        }
    }
}

struct Show: ParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Show all that is known of a version, as JSON.")

    @OptionGroup var source: VersionOptions

    func run() throws {
        let json = try source.registry.open().read { try Catalogue.version($0, source.version).json($0) }
        Output.line(json.text(indent: 2))
    }
}

struct Search: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Find versions.",
        discussion: """
            A term is a text that is part of the name, a tag, the note, method, task, base, plugin or configuration; or a figure \
            with a bound, such as 'test_accuracy>0.9' or 'perplexity<=20'. All terms must hold.
            """)

    @OptionGroup var registry: RegistryOptions
    @Argument(help: "What must hold.") var terms: [String]
    @Flag(help: "One JSON line a version.") var json = false

    func run() throws {
        let conditions = terms.map(Condition.init)
        try registry.open().read { db in
            let found = try Version.fetchAll(db, sql: "SELECT * FROM version ORDER BY id").filter { version in
                try conditions.allSatisfy { try $0.holds(version, db) }
            }
            try Overview.show(found, db, json: json)
        }
    }

    private enum Condition {
        case text(String)
        case bound(name: String, sign: String, value: Double)

        init(_ term: String) {
            for sign in ["<=", ">=", "<", ">", "="] {
                guard let range = term.firstRange(of: sign), let value = Double(term[range.upperBound...]) else {
                    continue
                }
                self = .bound(name: String(term[..<range.lowerBound]), sign: sign, value: value)
                return
            }
            self = .text(term.lowercased())
        }

        func holds(_ version: Version, _ db: Database) throws -> Bool {
            switch self {
            case .text(let text):
                let all =
                    [
                        version.text, version.note, version.method, version.task, version.basePath, version.plugin,
                        version.configuration,
                    ] + (try version.tags(db))
                return all.contains { $0.lowercased().contains(text) }
            case .bound(let name, let sign, let bound):
                guard let value = version.measures.first(where: { $0.name == name })?.value else { return false }
                return switch sign {
                case "<=": value <= bound
                case ">=": value >= bound
                case "<": value < bound
                case ">": value > bound
                default: value == bound
                }
            }
        }
    }
}

struct Compare: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Show where two versions differ: figures, configuration, options, data, base and plugin.")

    @OptionGroup var registry: RegistryOptions
    @Argument(help: "NAME, NAME@3 or NAME@TAG.") var first: Reference
    @Argument(help: "The other.") var second: Reference
    @Flag(help: "JSON on standard output.") var json = false

    func run() throws {
        let (a, b) = try registry.open().read { db in
            (try Catalogue.version(db, first).json(db), try Catalogue.version(db, second).json(db))
        }
        let (left, right) = (leaves(a), leaves(b))
        var paths = left.map(\.path)
        paths += right.map(\.path).filter { !paths.contains($0) }
        let differences = paths.compactMap { path -> (path: String, a: JSON?, b: JSON?)? in
            let (a, b) = (left.first { $0.path == path }?.value, right.first { $0.path == path }?.value)
            return a == b ? nil : (path, a, b)
        }
        if json {
            let members = differences.map { JSON.Member($0.path, .array([$0.a ?? .null, $0.b ?? .null])) }
            return Output.line(JSON.object(members).text())
        }
        func text(_ value: JSON?) -> String {
            switch value {
            case nil: "–"
            case .number(let number): short(number)
            case .string(let text): text
            case .some(let other): other.text()
            }
        }
        let rows = differences.map { difference -> [String] in
            var change = ""
            if let a = difference.a?.double, let b = difference.b?.double {
                change = (b > a ? "+" : "") + short(b - a)
            }
            return [difference.path, text(difference.a), text(difference.b), change]
        }
        let head = ["", "\(first)", "\(second)", "change"]
        for line in Columns.lines([head] + rows, width: Columns.terminalWidth) { Output.line(line) }
    }

    /// All values that are no objects, with where they stand. That versions have other numbers, times and files tells nothing.
    private func leaves(_ json: JSON, _ path: String = "") -> [(path: String, value: JSON)] {
        guard let members = json.members else { return [(path, json)] }
        return members.flatMap { member -> [(path: String, value: JSON)] in
            if path.isEmpty, ["name", "version", "created", "files"].contains(member.key) { return [] }
            return leaves(member.value, path.isEmpty ? member.key : "\(path).\(member.key)")
        }
    }
}

struct Lineage: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Show what a version was made of: base, data, plugin, seed, and the versions before it.")

    @OptionGroup var source: VersionOptions
    @Flag(help: "One JSON line a version.") var json = false

    func run() throws {
        try source.registry.open().read { db in
            var next: Version? = try Catalogue.version(db, source.version)
            while let version = next {
                if json {
                    Output.line(try version.json(db).text())
                } else {
                    show(version)
                }
                next = try version.parent.flatMap {
                    try Version.fetchOne(db, sql: "SELECT * FROM version WHERE id = ?", arguments: [$0])
                }
            }
        }
    }

    private func show(_ version: Version) {
        let rows = [
            ["created", version.created], ["base", version.basePath], ["", version.baseFingerprint],
            ["data", version.dataSha256], ["plugin", version.plugin], ["", version.pluginSha256],
            ["seed", version.seed.map(String.init) ?? ""],
            ["figures", version.measures.map { "\($0.name) \(short($0.value))" }.joined(separator: ", ")],
        ]
        Output.line(version.text)
        let known = rows.filter { !$0[1].isEmpty }.map { ["  " + $0[0], $0[1]] }
        for line in Columns.lines(known, width: nil) { Output.line(line) }
    }
}
