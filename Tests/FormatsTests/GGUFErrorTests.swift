import Formats
import Testing

@Suite struct GGUFErrorTests {
    struct Case: CustomTestStringConvertible, Sendable {
        let message: String
        let code: FormatError.Code
        let change: @Sendable (inout GGUFBuilder) -> Void
        var testDescription: String { message }

        init(_ message: String, _ code: FormatError.Code, _ change: @escaping @Sendable (inout GGUFBuilder) -> Void) {
            self.message = message
            self.code = code
            self.change = change
        }
    }

    static let sound = GGUFBuilder(
        values: [("general.architecture", .string(Array("llama".utf8))), ("count", .uint32(7))],
        tensors: [
            .init(name: "first", dimensions: [32, 2], type: 8, offset: 0),
            .init(name: "second", dimensions: [5], type: 0, offset: 96),
        ],
        dataSize: 116)

    static let cases: [Case] = [
        Case("does not begin with 'GGUF'", .corrupt) { $0.magic = Array("GGML".utf8) },
        Case("GGUF version 1 is not implemented", .unsupported) { $0.version = 1 },
        Case("GGUF version 4 is not implemented", .unsupported) { $0.version = 4 },
        Case("version 3 in big-endian byte order", .unsupported) { $0.version = 3 << 24 },
        Case("promises 18446744073709551615 tensors", .truncated) { $0.tensorCount = .max },
        Case("promises 1000 tensors", .truncated) { $0.tensorCount = 1000 },
        Case("promises 9223372036854775808 metadata entries", .truncated) { $0.valueCount = 1 << 63 },
        Case("'x' has the unknown type number 13", .corrupt) { $0.values.append(("x", .raw(13, [1, 2, 3, 4]))) },
        Case("'x' is an array of arrays", .unsupported) {
            $0.values.append(("x", .raw(9, GGUFBuilder.bytes(UInt32(9)) + GGUFBuilder.bytes(UInt64(0)))))
        },
        Case("elements of 'x'", .truncated) {
            $0.values.append(("x", .raw(9, GGUFBuilder.bytes(UInt32(4)) + GGUFBuilder.bytes(UInt64(1) << 62))))
        },
        Case("elements of 'x'", .truncated) {
            $0.values.append(("x", .raw(9, GGUFBuilder.bytes(UInt32(8)) + GGUFBuilder.bytes(UInt64(1) << 40))))
        },
        Case("ends inside a metadata string", .truncated) {
            $0.values.append(("x", .raw(8, GGUFBuilder.bytes(UInt64.max))))
        },
        Case("two metadata entries are named 'count'", .corrupt) { $0.values.append(("count", .uint8(1))) },
        Case("general.alignment is 24, not a power of two", .corrupt) {
            $0.values.append(("general.alignment", .uint32(24)))
        },
        Case("general.alignment is 0", .corrupt) { $0.values.append(("general.alignment", .uint32(0))) },
        Case("general.alignment is uint8", .corrupt) { $0.values.append(("general.alignment", .uint8(32))) },
        Case("two tensors are named 'first'", .corrupt) { $0.tensors[1].name = "first" },
        Case("'second' has 5 dimensions", .corrupt) { $0.tensors[1].dimensions = [1, 1, 1, 1, 5] },
        Case("'second' has a dimension of 18446744073709551615", .corrupt) { $0.tensors[1].dimensions = [.max] },
        Case("impossible shape [4294967296, 4294967296]", .corrupt) {
            $0.tensors[1].dimensions = [1 << 32, 1 << 32]
        },
        Case("impossible shape [4611686018427387904]", .corrupt) { $0.tensors[1].dimensions = [1 << 62] },
        Case("rows of 33 values, not a multiple of the 32 in a Q8_0 block", .corrupt) {
            $0.tensors[0].dimensions = [33, 2]
        },
        Case("stored as IQ4_XS (type 23)", .unsupported) { $0.tensors[0].type = 23 },
        Case("stored as MXFP4 (type 39)", .unsupported) { $0.tensors[0].type = 39 },
        Case("unknown type number 99", .unsupported) { $0.tensors[0].type = 99 },
        Case("offset 100, not a multiple of 32", .corrupt) { $0.tensors[1].offset = 100 },
        Case("needs 20 bytes at byte", .truncated) { $0.tensors[1].offset = 128 },
        Case("'second' is at offset 18446744073709551584", .truncated) { $0.tensors[1].offset = .max - 31 },
        Case("'first' and 'second' overlap", .corrupt) { $0.tensors[1].offset = 64 },
    ]

    @Test func theSoundFileIsSound() throws {
        let folder = try TemporaryFolder()
        let gguf = try GGUF(try folder.write(Self.sound.bytes, "sound.gguf"))
        #expect(gguf.tensors.map(\.name) == ["first", "second"])
    }

    @Test(arguments: cases) func refuses(_ item: Case) throws {
        let folder = try TemporaryFolder()
        var builder = Self.sound
        item.change(&builder)
        let path = try folder.write(builder.bytes, "bad.gguf")
        let error = #expect(throws: FormatError.self) { try GGUF(path) }
        #expect(error?.code == item.code)
        #expect(error?.place == path)
        #expect(error?.message.contains(item.message) == true, "\(error?.message ?? "")")
        #expect(error?.description.contains("\n") == false)
    }

    @Test func refusesKeysThatAreNotUTF8() throws {
        let folder = try TemporaryFolder()
        var bytes = Self.sound.bytes
        bytes[24 + 8] = 0xFF
        let path = try folder.write(bytes, "bad.gguf")
        let error = #expect(throws: FormatError.self) { try GGUF(path) }
        #expect(error?.message == "a metadata key at byte 32 is not UTF-8")
    }

    @Test func namesKeyAndType() throws {
        let folder = try TemporaryFolder()
        let values: [(String, GGUFBuilder.Value)] = [
            ("n", .uint32(1)), ("s", .string([0x61, 0xFF])), ("list", .strings(["a"])), ("b", .bool(2)),
            ("huge", .uint64(.max)), ("f", .float32(1.5)),
        ]
        let gguf = try GGUF(try folder.write(GGUFBuilder(values: values).bytes, "odd.gguf"))
        func message(_ body: () throws -> Void) -> String? {
            #expect(throws: FormatError.self, performing: body)?.message
        }
        #expect(message { _ = try gguf.string("n") } == "metadata 'n' is uint32, not a string")
        #expect(message { _ = try gguf.float("n") } == "metadata 'n' is uint32, not a float")
        #expect(message { _ = try gguf.ints("n") } == "metadata 'n' is uint32, not an array of whole numbers")
        #expect(message { _ = try gguf.intIfPresent("f") } == "metadata 'f' is float32, not a whole number")
        #expect(message { _ = try gguf.string("list") } == "metadata 'list' is an array of 1 string, not a string")
        #expect(
            message { _ = try gguf.floats("list") } == "metadata 'list' is an array of 1 string, not an array of floats"
        )
        #expect(message { _ = try gguf.int("missing") } == "there is no metadata 'missing'")
        #expect(message { _ = try gguf.bool("b") } == "metadata 'b' holds 2, not 0 or 1")
        #expect(
            message { _ = try gguf.int("huge") } == "metadata 'huge' holds 18446744073709551615, which is too large")
        #expect(message { _ = try gguf.string("s") }?.hasSuffix("is not UTF-8") == true)
        #expect(message { _ = try gguf.tensors.tensor("w\n") } == "there is no tensor 'w\\n' among the 0")
    }
}
