import Formats
import Testing

/// Files cut off anywhere, and files with random bytes changed: an error or a file that can be read, never a crash.
@Suite struct HostileInputTests {
    private static func smallGGUF() throws -> [UInt8] {
        var builder = GGUFErrorTests.sound
        builder.values += [
            ("tokens", .strings(["a", "bc", "déf"])), ("types", .ints([1, 2, 3])), ("eps", .float32(1e-5)),
            ("flag", .bool(1)),
        ]
        return builder.bytes
    }

    private static func smallSafetensors() throws -> [UInt8] {
        let folder = try TemporaryFolder()
        let path = "\(folder.path)/small.safetensors"
        try SafetensorsWriter.write(
            [
                .init("a.weight", shape: [2, 3], .floats([1, 2, 3, 4, 5, 6])),
                .init("empty", shape: [0, 32], .floats([])), .init("index", shape: [2], .integers([7, -8])),
            ], to: path)
        return try contents(path)
    }

    /// Opens a file and looks at everything in it.
    private static func readGGUF(_ path: String) throws -> Int {
        let gguf = try GGUF(path)
        var sum = gguf.tensors.reduce(0) { $0 + $1.content.reduce(0) { $0 + Int($1) } + $1.rowBytes }
        for key in gguf.keys {
            sum += (try? gguf.string(key))?.count ?? 0
            sum += (try? gguf.strings(key))?.count ?? 0
            sum += (try? gguf.ints(key))?.count ?? 0
            sum += (try? gguf.floats(key))?.count ?? 0
            sum += (try? gguf.int(key)) == nil ? 0 : 1
            sum += (try? gguf.float(key)) == nil ? 0 : 1
            sum += (try? gguf.bool(key)) == nil ? 0 : 1
        }
        return sum
    }

    private static func readSafetensors(_ path: String) throws -> Int {
        let file = try Safetensors(file: path)
        return file.tensors.reduce(0) { $0 + $1.content.reduce(0) { $0 + Int($1) } + $1.rowBytes }
    }

    private static func refusesEveryPrefix(_ bytes: [UInt8], _ read: (String) throws -> Int) throws {
        let folder = try TemporaryFolder()
        _ = try read(try folder.write(bytes, "whole"))
        for length in bytes.indices {
            let path = try folder.write(bytes.prefix(length), "cut")
            #expect(throws: FormatError.self, "\(length) of \(bytes.count) bytes") { try read(path) }
        }
    }

    /// Changes one to three bytes, favouring those that make numbers large.
    private static func survives(_ bytes: [UInt8], seeds: Range<UInt64>, _ read: (String) throws -> Int) throws {
        let folder = try TemporaryFolder()
        var refused = 0
        for seed in seeds {
            var random = SplitMix(state: seed)
            var changed = bytes
            for _ in 0..<1 + Int(random.next() % 3) {
                let place = Int(random.next() % UInt64(bytes.count))
                changed[place] =
                    [0, 1, 0x7F, 0x80, 0xFF, UInt8(truncatingIfNeeded: random.next())][Int(random.next() % 6)]
            }
            let path = try folder.write(changed, "changed")
            do { _ = try read(path) } catch is FormatError { refused += 1 }
        }
        #expect(refused > 0)
    }

    @Test func ggufCutOff() throws { try Self.refusesEveryPrefix(Self.smallGGUF(), Self.readGGUF) }
    @Test func safetensorsCutOff() throws { try Self.refusesEveryPrefix(Self.smallSafetensors(), Self.readSafetensors) }
    @Test func ggufChanged() throws { try Self.survives(Self.smallGGUF(), seeds: 0..<4000, Self.readGGUF) }
    @Test func safetensorsChanged() throws {
        try Self.survives(Self.smallSafetensors(), seeds: 0..<4000, Self.readSafetensors)
    }

    @Test(arguments: ["tiny/a-llama/model-mixed.gguf", "tokenizers/bpe-gpt2/tokenizer.gguf"])
    func realGGUFCutOff(_ name: String) throws {
        let bytes = try contents(Fixtures.path(name))
        let folder = try TemporaryFolder()
        let metadataOnly = try GGUF(Fixtures.path(name)).tensors.isEmpty
        // The last bytes of a file without tensors may be padding.
        for length in stride(from: 0, to: bytes.count - (metadataOnly ? 64 : 0), by: 97) {
            let path = try folder.write(bytes.prefix(length), "cut")
            #expect(throws: FormatError.self, "\(length) bytes") { try GGUF(path) }
        }
    }

    @Test(arguments: ["tsv", "csv", "jsonl"]) func dataChanged(_ kind: String) throws {
        let texts = [
            "tsv": "text\tlabel\ngood\tyes\nbad é\tno\n", "csv": "text,label\r\n\"go\"\"od\",yes\r\n\"b\nad\",no\r\n",
            "jsonl": "{\"text\": \"good\", \"label\": 1}\n{\"text\": \"b\\u00e9\", \"label\": [2.5]}\n",
        ]
        let folder = try TemporaryFolder()
        let bytes = Array(try #require(texts[kind]).utf8)
        for seed in 0..<1500 as Range<UInt64> {
            var random = SplitMix(state: seed)
            var changed = bytes
            let place = Int(random.next() % UInt64(bytes.count))
            changed[place] =
                [0x22, 0x0A, 0x0D, 0x2C, 0x09, 0xFF, 0x00, UInt8(truncatingIfNeeded: random.next())][
                    Int(random.next() % 8)]
            let path = try folder.write(
                changed.prefix(Int(random.next() % UInt64(bytes.count + 40))), "changed.\(kind)")
            do { _ = try DataFile.read(path) } catch { #expect(error.place.hasPrefix(path)) }
        }
    }
}

/// Steele, Lea and Flood 2014, "Fast splittable pseudorandom number generators".
struct SplitMix {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var z = state
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }
}
