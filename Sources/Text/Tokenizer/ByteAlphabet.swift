/// The printable characters by which byte-level BPE writes bytes (Radford et al. 2019): printable Latin-1 characters
/// stand for themselves, the other bytes for U+0100 and up in order.
enum ByteAlphabet {
    /// The character of each byte.
    static let characters: [Unicode.Scalar] = {
        var others: UInt32 = 0x100
        return (UInt32(0)...255).map { byte in
            switch byte {
            case 0x21...0x7E, 0xA1...0xAC, 0xAE...0xFF: return Unicode.Scalar(byte)!
            default:
                defer { others += 1 }
                return Unicode.Scalar(others)!
            }
        }
    }()

    private static let bytes = Dictionary(uniqueKeysWithValues: zip(characters, UInt8(0)...255))

    /// The bytes that a token stands for, or nil where a character of it is none of the alphabet.
    static func bytes(of token: ArraySlice<UInt8>) -> [UInt8]? {
        var result: [UInt8] = []
        for scalar in String(decoding: token, as: UTF8.self).unicodeScalars {
            guard let byte = bytes[scalar] else { return nil }
            result.append(byte)
        }
        return result
    }

    /// Bytes as a token writes them.
    static func token(of bytes: some Sequence<UInt8>) -> [UInt8] {
        bytes.flatMap { Array(UTF8.encode(characters[Int($0)])!) }
    }
}
