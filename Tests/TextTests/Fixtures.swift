import Formats
import Foundation
import Testing

/// Files under Tests/Fixtures.
enum Fixtures {
    static let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .appending(path: "Fixtures")

    static func data(_ path: String) throws -> Data { try Data(contentsOf: root.appending(path: path)) }

    static func json(_ path: String) throws -> JSON { try JSON.parse(data(path), place: path) }

    /// The documents of a JSON Lines file.
    static func lines(_ path: String) throws -> [JSON] {
        let lines = try data(path).split(separator: 0x0A)
        try #require(!lines.isEmpty)
        return try lines.map { try JSON.parse($0, place: path) }
    }
}
