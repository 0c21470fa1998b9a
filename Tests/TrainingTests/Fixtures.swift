import Foundation

enum Fixtures {
    static let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .appending(path: "Fixtures")

    static func path(_ name: String) -> String { root.appending(path: name).path }
    static func data(_ path: String) throws -> Data { try Data(contentsOf: root.appending(path: path)) }
}
