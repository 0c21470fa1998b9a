import CCrypto

/// SHA-256 by OpenSSL 3, as lower-case hexadecimal digits.
package final class SHA256 {
    private let context = EVP_MD_CTX_new()

    package init() {
        let isReady = EVP_DigestInit_ex(context, EVP_sha256(), nil)
        precondition(isReady == 1, "OpenSSL has no SHA-256")
    }

    deinit { EVP_MD_CTX_free(context) }

    package func update(_ bytes: UnsafeRawBufferPointer) {
        EVP_DigestUpdate(context, bytes.baseAddress, bytes.count)
    }

    package func update(_ text: String) {
        var text = text
        text.withUTF8 { update(UnsafeRawBufferPointer($0)) }
    }

    /// The digest of all that was given; to be asked for once.
    package func finish() -> String {
        var digest = [UInt8](repeating: 0, count: 32)
        EVP_DigestFinal_ex(context, &digest, nil)
        return digest.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
    }

    package static func of(_ bytes: [UInt8]) -> String {
        let hash = SHA256()
        bytes.withUnsafeBytes { hash.update($0) }
        return hash.finish()
    }

    /// The digest of a file's content.
    package static func file(_ path: String) throws(FormatError) -> String {
        let file = try MappedFile(path)
        let hash = SHA256()
        hash.update(file.bytes)
        return hash.finish()
    }
}
