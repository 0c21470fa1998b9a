import Foundation

enum Fixtures {
    static let repository = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent()
    static let root = repository.appending(path: "Tests/Fixtures")

    static func path(_ path: String) -> String { root.appending(path: path).path }
}
