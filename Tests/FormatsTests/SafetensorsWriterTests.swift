import Formats
import Testing

@Suite struct SafetensorsWriterTests {
    /// Files that Hugging Face's library wrote come out in the same bytes, whatever the order they are handed over in.
    @Test(arguments: [
        "tiny/a-llama/model.safetensors", "tiny/c-mqa-llama3rope-bf16/model.safetensors",
        "tiny/h-theta-eps-f16/model.safetensors", "tiny/g-head-dim-sharded/model-00002-of-00002.safetensors",
        "tiny/n-llama-cls/model.safetensors",
    ])
    func writesWhatTheLibraryWrote(_ name: String) throws {
        let folder = try TemporaryFolder()
        let source = try Safetensors(file: Fixtures.path(name))
        let tensors = source.tensors.reversed().map {
            SafetensorsWriter.Tensor($0.name, shape: $0.shape, .raw($0.type, $0.content))
        }
        try SafetensorsWriter.write(tensors, to: "\(folder.path)/copy.safetensors")
        #expect(try contents("\(folder.path)/copy.safetensors") == contents(Fixtures.path(name)))
        #expect(try folder.names() == ["copy.safetensors"])
    }

    /// The order of dtypes is that of the library's enumeration, from its end.
    @Test func sortsByTypeThenName() throws {
        let folder = try TemporaryFolder()
        let path = "\(folder.path)/x.safetensors"
        try SafetensorsWriter.write(
            [
                .init("a", shape: [2], .raw(.f16, [1, 2, 3, 4])), .init("b", shape: [1], .integers([-2])),
                .init("d", shape: [1], .floats([0.5])), .init("c", shape: [0, 32], .floats([])),
                .init("e", shape: [1], .raw(.i64, [1, 0, 0, 0, 0, 0, 0, 0])), .init("B", shape: [], .floats([2])),
            ], metadata: ["z": "1", "k\"": "ü"], to: path)
        let file = try Safetensors(file: path)
        #expect(file.tensors.map(\.name) == ["e", "B", "c", "d", "b", "a"])
        #expect(file.metadata == ["z": "1", "k\"": "ü"])
        #expect(try file.tensors.tensor("d").content == [0, 0, 0, 0x3F])
        #expect(try file.tensors.tensor("b").content == [0xFE, 0xFF, 0xFF, 0xFF])
        let bytes = try contents(path)
        #expect(bytes[0].isMultiple(of: 8))
    }

    @Test func writesAnEmptyFile() throws {
        let folder = try TemporaryFolder()
        let path = "\(folder.path)/x.safetensors"
        try SafetensorsWriter.write([], metadata: [:], to: path)
        #expect(try contents(path) == [8, 0, 0, 0, 0, 0, 0, 0] + Array("{}      ".utf8))
        #expect(try Safetensors(file: path).tensors.isEmpty)
    }

    @Test func refusesWhatDoesNotFit() throws {
        let folder = try TemporaryFolder()
        let path = try folder.write("old".utf8, "x.safetensors")
        let tensors: [(SafetensorsWriter.Tensor, String)] = [
            (.init("a", shape: [3], .floats([1, 2])), "of shape [3] and dtype F32 takes 12 bytes, but has 8"),
            (.init("a", shape: [32], .raw(.q4_0, Array(repeating: 0, count: 18))), "is Q4_0"),
            (.init("__metadata__", shape: [1], .floats([1])), "cannot be used"),
            (.init("b", shape: [1], .floats([1])), "'b' cannot be used twice"),
        ]
        for (tensor, message) in tensors {
            let error = #expect(throws: FormatError.self) {
                try SafetensorsWriter.write([.init("b", shape: [1], .floats([1])), tensor], to: path)
            }
            #expect(error?.message.contains(message) == true, "\(error?.message ?? "")")
        }
        #expect(try contents(path) == Array("old".utf8))
        #expect(try folder.names() == ["x.safetensors"])
    }
}
