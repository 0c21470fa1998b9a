import Foundation

enum Fixtures {
    static let root = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "../Fixtures").standardized

    static func bytes(_ path: String) throws -> [UInt8] {
        [UInt8](try Data(contentsOf: root.appending(path: path)))
    }
}
