import Formats
import Testing

@Suite struct SafetensorsTests {
    /// A file with this header and so many bytes of data.
    private static func file(_ header: String, data: Int) -> [UInt8] {
        GGUFBuilder.bytes(UInt64(header.utf8.count)) + Array(header.utf8) + Array(repeating: 1, count: data)
    }

    @Test func readsNamesShapesAndTypes() throws {
        let file = try Safetensors(folder: Fixtures.path("tiny/h-theta-eps-f16"))
        #expect(file.metadata == ["format": "pt"])
        let tensor = try file.tensors.weight("model.layers.0.mlp.down_proj.weight", shape: [64, 96])
        #expect(tensor.type == .f16)
        #expect(tensor.rowBytes == 192)
        #expect(tensor.content.count == 64 * 192)
        #expect(file.tensors["nothing"] == nil)
    }

    @Test func joinsShards() throws {
        let folder = Fixtures.path("tiny/g-head-dim-sharded")
        let model = try Safetensors(folder: folder)
        #expect(model.tensors.count == 21)
        #expect(model.tensors.reduce(0) { $0 + $1.content.count } == 492_800)
        let second = try Safetensors(file: "\(folder)/model-00002-of-00002.safetensors")
        for tensor in second.tensors {
            #expect(try model.tensors.weight(tensor.name, shape: tensor.shape).content == tensor.content)
        }
    }

    @Test func takesEmptyTensorsScalarsAndUnpaddedHeaders() throws {
        let folder = try TemporaryFolder()
        let header = """
            {"none":{"dtype":"F32","shape":[0,32],"data_offsets":[3,3]},"flag":{"dtype":"BOOL","shape":[3],\
            "data_offsets":[0,3]},"one":{"dtype":"F32","shape":[],"data_offsets":[3,7]}}
            """
        let file = try Safetensors(file: try folder.write(Self.file(header, data: 7), "x.safetensors"))
        #expect(try file.tensors.weight("none", shape: [0, 32]).content.isEmpty)
        #expect(try file.tensors.weight("one", shape: []).elementCount == 1)
        #expect(try file.tensors.tensor("flag").type == .bool)
        let error = #expect(throws: FormatError.self) { try file.tensors.weight("flag", shape: [3]) }
        #expect(error?.message == "tensor 'flag' holds BOOL, which no weight may be stored as")
        let shape = #expect(throws: FormatError.self) { try file.tensors.weight("one", shape: [1]) }
        #expect(shape?.message == "tensor 'one' has the shape [], not [1]")
    }

    struct Case: Sendable, CustomTestStringConvertible {
        let message: String
        let header: String
        var data = 8
        var testDescription: String { message }
    }

    static let cases: [Case] = [
        Case(message: "JSON", header: "{\"a\":"),
        Case(message: "not a JSON object", header: "[1]", data: 0),
        Case(message: "__metadata__ is not", header: "{\"__metadata__\":3}", data: 0),
        Case(message: "__metadata__ has 'a'", header: "{\"__metadata__\":{\"a\":3}}", data: 0),
        Case(message: "'a' has no dtype", header: "{\"a\":{\"shape\":[2],\"data_offsets\":[0,8]}}"),
        Case(
            message: "dtype 'F8_E4M3'", header: "{\"a\":{\"dtype\":\"F8_E4M3\",\"shape\":[8],\"data_offsets\":[0,8]}}"),
        Case(
            message: "dtype 'Q4_0'", header: "{\"a\":{\"dtype\":\"Q4_0\",\"shape\":[32],\"data_offsets\":[0,18]}}",
            data: 18),
        Case(message: "'a' has no shape", header: "{\"a\":{\"dtype\":\"F32\",\"shape\":[-2],\"data_offsets\":[0,8]}}"),
        Case(message: "'a' has no shape", header: "{\"a\":{\"dtype\":\"F32\",\"shape\":[2.5],\"data_offsets\":[0,8]}}"),
        Case(message: "no data_offsets", header: "{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[8,0]}}"),
        Case(message: "no data_offsets", header: "{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0]}}"),
        Case(message: "ends at byte 16", header: "{\"a\":{\"dtype\":\"F32\",\"shape\":[4],\"data_offsets\":[0,16]}}"),
        Case(
            message: "ends at byte 9223372036854775807",
            header: "{\"a\":{\"dtype\":\"F32\",\"shape\":[4],\"data_offsets\":[0,9223372036854775807]}}"),
        Case(
            message: "of shape [3] and dtype F16 takes 6 bytes, but has 8",
            header: "{\"a\":{\"dtype\":\"F16\",\"shape\":[3],\"data_offsets\":[0,8]}}"),
        Case(
            message: "impossible shape",
            header: "{\"a\":{\"dtype\":\"F32\",\"shape\":[4294967296,4294967296],\"data_offsets\":[0,8]}}"),
        Case(
            message: "'b' overlaps another at byte",
            header: "{\"a\":{\"dtype\":\"U8\",\"shape\":[8],\"data_offsets\":[0,8]},"
                + "\"b\":{\"dtype\":\"U8\",\"shape\":[4],\"data_offsets\":[4,8]}}"),
        Case(
            message: "4 bytes before tensor 'a' belong to no tensor",
            header: "{\"a\":{\"dtype\":\"U8\",\"shape\":[4],\"data_offsets\":[4,8]}}"),
        Case(
            message: "the last 4 bytes of the file belong to no tensor",
            header: "{\"a\":{\"dtype\":\"U8\",\"shape\":[4],\"data_offsets\":[0,4]}}"),
        Case(
            message: "two tensors are named 'a'",
            header: "{\"a\":{\"dtype\":\"U8\",\"shape\":[4],\"data_offsets\":[0,4]},"
                + "\"a\":{\"dtype\":\"U8\",\"shape\":[4],\"data_offsets\":[4,8]}}"),
    ]

    @Test(arguments: cases) func refuses(_ item: Case) throws {
        let folder = try TemporaryFolder()
        let path = try folder.write(Self.file(item.header, data: item.data), "bad.safetensors")
        let error = #expect(throws: FormatError.self) { try Safetensors(file: path) }
        #expect(error?.message.contains(item.message) == true, "\(error?.message ?? "")")
        #expect(error?.place == path)
    }

    @Test(arguments: [
        (UInt64.max, "more than the 100000000 bytes"), (100_000_001, "more than the 100000000 bytes"),
        (1000, "has 1000 bytes, but only 2 follow"),
    ])
    func refusesLongHeaders(_ length: UInt64, _ message: String) throws {
        let folder = try TemporaryFolder()
        let path = try folder.write(GGUFBuilder.bytes(length) + Array("{}".utf8), "bad.safetensors")
        let error = #expect(throws: FormatError.self) { try Safetensors(file: path) }
        #expect(error?.message.contains(message) == true)
    }

    @Test(arguments: [
        ("{}", "there is no weight_map"), ("{\"weight_map\":{\"a\":\"../x\"}}", "'a' is not in a file of the folder"),
        ("{\"weight_map\":{\"a\":3}}", "'a' is not in a file of the folder"),
        ("{\"weight_map\":{\"a\":\"gone\"}}", "the shard 'gone' with 1 tensors is not in the folder"),
        ("{\"weight_map\":{\"a\":\"one\",\"b\":\"one\"}}", "tensor 'b' is in the index, but not in 'one'"),
        ("{\"weight_map\":{\"a\":\"one\",\"c\":\"two\"}}", "the index does not put tensor 'd' into this file"),
        ("{\"weight_map\":{\"a\":\"one\",\"a\":\"one\"}}", "two tensors are named 'a'"),
        ("{\"weight_map\":{\"a\":\"one\",\"a\":\"three\"}}", "two tensors are named 'a'"),
    ])
    func refusesIndexes(_ index: String, _ message: String) throws {
        let folder = try TemporaryFolder()
        let a = SafetensorsWriter.Tensor("a", shape: [1], .floats([1]))
        try SafetensorsWriter.write([a], to: "\(folder.path)/one")
        try SafetensorsWriter.write([a], to: "\(folder.path)/three")
        try SafetensorsWriter.write(
            [.init("c", shape: [1], .floats([1])), .init("d", shape: [1], .floats([1]))], to: "\(folder.path)/two")
        _ = try folder.write(index.utf8, "model.safetensors.index.json")
        let error = #expect(throws: FormatError.self) { try Safetensors(folder: folder.path) }
        #expect(error?.message.contains(message) == true, "\(error?.message ?? "")")
    }

    @Test func namesWhatAFolderLacks() throws {
        let folder = try TemporaryFolder()
        let error = #expect(throws: FormatError.self) { try Safetensors(folder: folder.path) }
        #expect(error?.code == .missing)
        #expect(error?.place == folder.path)
    }
}
