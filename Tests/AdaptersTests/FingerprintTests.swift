import Adapters
import Foundation
import Models
import Testing

struct FingerprintTests {
    private static func fingerprint(_ original: String, _ change: (inout Data) throws -> Void = { _ in }) throws
        -> String
    {
        let folder = FileManager.default.temporaryDirectory.appending(path: "peft-host-\(UUID().uuidString)")
        defer { try? FileManager.default.removeItem(at: folder) }
        try FileManager.default.copyItem(atPath: Fixtures.path("tiny/\(original)"), toPath: folder.path)
        let file = folder.appending(path: "model.safetensors")
        var bytes = try Data(contentsOf: file)
        try change(&bytes)
        try bytes.write(to: file)
        return try Model(folder.path).fingerprint()
    }

    /// By hashlib, from the documented form: another number would make every adapter that there is a stranger.
    @Test func isAFormat() throws {
        #expect(try Self.fingerprint("a-llama") == "678f885ee4595d0e510ad98d3e5d067f8c3980d7bbc4457aeda6bef50b6fa052")
        #expect(
            try Self.fingerprint("n-llama-cls") == "f713cc72d599f08ab2c93ecd58dfd3b27914eb1f8a2f65b91521577b2245c916")
    }

    /// Ten rows of the embeddings, and one number of a small tensor.
    @Test func seesWhatIsInside() throws {
        let original = try Self.fingerprint("a-llama")
        for (name, offset, count) in [
            ("model.embed_tokens.weight", 100 * 256, 10 * 256), ("model.layers.1.self_attn.k_proj.weight", 8000, 4),
        ] {
            let changed = try Self.fingerprint("a-llama") { bytes in
                let header = 8 + Int(bytes.prefix(8).withUnsafeBytes { $0.loadUnaligned(as: UInt64.self) })
                let text = String(decoding: bytes[8..<header], as: UTF8.self)
                let entry = try #require(text.range(of: "\"\(name)\""))
                let offsets = try #require(text[entry.upperBound...].range(of: "\"data_offsets\":["))
                let start = header + (Int(text[offsets.upperBound...].prefix { $0.isNumber }) ?? 0)
                for index in 0..<count { bytes[start + offset + index] ^= 1 }
            }
            #expect(changed != original, "\(name)")
        }
    }
}
