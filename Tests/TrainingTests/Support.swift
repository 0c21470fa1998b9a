import Engine
import Formats
import Foundation
import Programs
import Testing
import Training

/// A store of trained tensors of the given sizes, the last of them a buffer where one is wanted.
func store(_ counts: [Int], configure: (Int, inout TensorDeclaration) -> Void = { _, _ in }) -> TensorStore {
    TensorStore(
        counts.enumerated().map { number, count in
            var declaration = TensorDeclaration("t\(number)", TensorType([Dim(count)]), .zeros)
            configure(number, &declaration)
            return ("t\(number)", declaration)
        })
}

/// A folder that goes with the test.
final class Scratch {
    let path = FileManager.default.temporaryDirectory.appending(path: "training-\(UUID().uuidString)").path

    init() throws { try Folder.make(path) }
    deinit { try? FileManager.default.removeItem(atPath: path) }

    func write(_ name: String, _ text: String) throws -> String {
        try AtomicFile.write(text, to: "\(path)/\(name)")
        return "\(path)/\(name)"
    }
}

extension Fixtures {
    static func json(_ path: String) throws -> JSON { try JSON.parse(try data(path), place: path) }
}

/// The message of the `TrainingError` that the body throws.
func trainingError(_ body: () throws -> Void) throws -> String {
    let error = #expect(throws: TrainingError.self, performing: body)
    return try #require(error).description
}
