import Formats
import Foundation
import Testing

/// Files that ggml's Python package wrote, taken apart and written again.
struct GGUFWriterTests {
    private static let files = ["tiny/a-llama/model-mixed.gguf", "tokenizers/bpe-gpt2/tokenizer.gguf"]

    @Test(arguments: files) func writesWhatItReads(_ name: String) throws {
        let path = Fixtures.path(name)
        let file = try GGUF(path)
        let copy = NSTemporaryDirectory() + UUID().uuidString + ".gguf"
        defer { try? FileManager.default.removeItem(atPath: copy) }
        let metadata = try file.keys.map { ($0, try #require(try file.stored($0))) }
        let tensors = file.tensors.map { tensor in
            GGUFWriter.Tensor(tensor.name, shape: tensor.shape, tensor.type) { tensor.withBytes(Array.init) }
        }
        try GGUFWriter.write(metadata, tensors, to: copy)
        let again = try GGUF(copy)
        #expect(again.keys == file.keys)
        for key in file.keys {
            guard case .stored(let a) = try file.stored(key), case .stored(let b) = try again.stored(key) else {
                Issue.record("\(key) is missing")
                continue
            }
            #expect(a == b, "\(key)")
        }
        #expect(again.tensors.map(\.name) == file.tensors.map(\.name))
        for (a, b) in zip(file.tensors, again.tensors) {
            #expect(a.shape == b.shape && a.type == b.type)
            #expect(a.withBytes(Array.init) == b.withBytes(Array.init), "\(a.name)")
        }
        // The bytes are the other writer's too, but for the order of the metadata.
        let sizes = try [path, copy].map { try FileManager.default.attributesOfItem(atPath: $0)[.size] as? Int }
        #expect(sizes[0] == sizes[1])
    }

    @Test func valuesOfEveryKind() throws {
        let path = NSTemporaryDirectory() + UUID().uuidString + ".gguf"
        defer { try? FileManager.default.removeItem(atPath: path) }
        try GGUFWriter.write(
            [
                ("text", .string("é")), ("number", .uint32(7)), ("float", .float32(0.5)), ("yes", .bool(true)),
                ("texts", .strings(["a", ""])), ("ints", .int32s([-1, 2])), ("floats", .float32s([1, -2])),
                ("bytes", .uint8s([1, 255])),
            ],
            [GGUFWriter.Tensor("x", shape: [2, 3], .f32) { [UInt8](repeating: 1, count: 24) }], to: path)
        let file = try GGUF(path)
        #expect(try file.string("text") == "é")
        #expect(try file.int("number") == 7)
        #expect(try file.float("float") == 0.5)
        #expect(try file.bool("yes"))
        #expect(try file.strings("texts") == ["a", ""])
        #expect(try file.ints("ints") == [-1, 2])
        #expect(try file.floats("floats") == [1, -2])
        #expect(try file.ints("bytes") == [1, 255])
        #expect(file.tensors["x"]?.shape == [2, 3])
    }

    @Test func anErrorLeavesWhatWasThere() throws {
        let path = NSTemporaryDirectory() + UUID().uuidString + ".gguf"
        defer { try? FileManager.default.removeItem(atPath: path) }
        try Data("mine".utf8).write(to: URL(filePath: path))
        let refusal = FormatError(.unsupported, "no", place: path)
        let tensor = GGUFWriter.Tensor("x", shape: [1], .f32) { () throws(FormatError) in throw refusal }
        #expect(throws: FormatError.self) { try GGUFWriter.write([], [tensor], to: path) }
        #expect(try Data(contentsOf: URL(filePath: path)) == Data("mine".utf8))
    }
}
