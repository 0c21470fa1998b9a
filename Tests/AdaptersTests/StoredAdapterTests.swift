import Adapters
import Formats
import Foundation
import Models
import Programs
import Testing

enum Fixtures {
    static let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .appending(path: "Fixtures")

    static func path(_ name: String) -> String { root.appending(path: name).path }
}

/// An adapter's folder whose files do not fit each other.
struct StoredAdapterTests {
    private static func sidecar(_ labels: JSON) -> JSON {
        [
            "format": 1, "base": ["path": "/base", "fingerprint": "0"], "task_type": "SEQ_CLS", "labels": labels,
            "plugin": ["id": "LoRA", "version": "1", "sha256": "0"], "seed": 0, "options": nil,
        ]
    }

    @Test func labelsAreTexts() throws {
        #expect(try Sidecar(Self.sidecar(["a", "b"]), place: "x").labels == ["a", "b"])
        for wrong: JSON in [["a", 5, "b"], ["a", nil, "b"], ["a"], "ab"] {
            let error = #expect(throws: AdapterError.self) { try Sidecar(Self.sidecar(wrong), place: "x") }
            #expect(error?.message == "\"labels\" is missing or malformed")
        }
    }

    /// - Parameter shape: of the only tensor beside the head, of 2 rows.
    private static func folder(labels: JSON, shape: [Int]) throws -> String {
        let folder = FileManager.default.temporaryDirectory.appending(path: "peft-host-\(UUID().uuidString)").path
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: false)
        try "{}".write(toFile: folder + "/adapter_config.json", atomically: false, encoding: .utf8)
        try sidecar(labels).text().write(toFile: folder + "/peft_host.json", atomically: false, encoding: .utf8)
        let count = shape.reduce(1, *)
        try SafetensorsWriter.write(
            [
                .init("base_model.model.score.weight", shape: [2, 4], .floats(Array(repeating: 0, count: 8))),
                .init("base_model.t", shape: shape, .floats(Array(repeating: 0, count: count))),
            ], to: folder + "/adapter_model.safetensors")
        var program = MethodProgram(method: "Test", peftType: "TEST", version: "1", settings: [])
        program.tensors = [TensorDeclaration("t", TensorType([Dim(1 << 30)]), .zeros)]
        try AtomicFile.write(program.encode(), to: folder + "/method.program")
        return folder
    }

    @Test func labelsOfTheHead() throws {
        let folder = try Self.folder(labels: ["a", "b", "c"], shape: [3])
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let error = #expect(throws: AdapterError.self) { try StoredAdapter(folder) }
        #expect(error?.message == "3 labels for a head of 2 rows")
    }

    /// Known before memory of the size that the program claims is asked for.
    @Test func theProgramsTensors() throws {
        let folder = try Self.folder(labels: ["a", "b"], shape: [3])
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let stored = try StoredAdapter(folder)
        var program = try #require(stored.program)
        let error = #expect(throws: AdapterError.self) { try stored.check(program) }
        #expect(error?.message == "base_model.t has the shape [3], and [1073741824] in the method")
        program.tensors[0].type = TensorType([3])
        try stored.check(program)
        program.tensors[0].name = "u"
        #expect(throws: AdapterError.self) { try stored.check(program) }
    }
}
