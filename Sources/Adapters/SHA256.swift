import CCrypto
import Formats

/// SHA-256 by OpenSSL, as lower-case hexadecimal digits.
package struct SHA256 {
    private var state = SHA256_CTX()

    package init() { SHA256_Init(&state) }

    package mutating func update(_ bytes: UnsafeRawBufferPointer) {
        SHA256_Update(&state, bytes.baseAddress, bytes.count)
    }

    package mutating func update(_ text: String) {
        var text = text
        text.withUTF8 { update(UnsafeRawBufferPointer($0)) }
    }

    package mutating func finish() -> String {
        var digest = [UInt8](repeating: 0, count: Int(SHA256_DIGEST_LENGTH))
        SHA256_Final(&digest, &state)
        return digest.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
    }

    /// The digest of a file's content.
    package static func file(_ path: String) throws(FormatError) -> String {
        let file = try MappedFile(path)
        var hash = SHA256()
        hash.update(file.bytes)
        return hash.finish()
    }
}
