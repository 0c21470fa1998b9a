import Formats
import Foundation

/// Random choices that a failed test can make again (SplitMix64; Steele et al. 2014).
package struct Seeded: RandomNumberGenerator {
    private var state: UInt64

    package init(_ seed: Int) { state = UInt64(seed) }

    package mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var z = state
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }

    package mutating func below(_ count: Int) -> Int { Int(next() % UInt64(count)) }
    package mutating func pick<T>(_ list: [T]) -> T { list[below(list.count)] }
}

/// What hostile or careless people write.
package enum Odd {
    package static let integers: [UInt64] = [
        0, 1, 2, 3, 63, 64, 255, 4095, 4096, 65535, 65536, 1 << 20, 1 << 31, 1 << 32, 1 << 62, 1 << 63, .max,
        .max - 7, .max - 63,
    ]

    package static let texts = [
        "", " ", "0", "-0", "1", "8", "-1", "3.5", "1e3", "1e400", "-1e400", "nan", "inf", "1e-400", "0x10", "1_000",
        "9223372036854775807", "-9223372036854775808", "9223372036854775808", "2147483648", "4611686018427387904",
        "true", "false", "null", "True", "none", "[", "[]", "[1,2", "[1, 2, 3]", "[null]", "[[1]]", "{", "{}",
        "{\"q_proj\": 2}", "{\"\": 1}", "{\"(\": 1}", "{\".*\": 1e9}", "{\"v_proj\": null}", "{\"q_proj\": [1]}",
        "{\"(([a-z_.0-9])+)+X\": 2}", "q_proj", "q_proj,v_proj", ",", "q_proj,,v_proj", "all-linear", "lm_head",
        "embed_tokens", ".*", "(", "(a+)+$", "(([a-z_.0-9]+)+)+X", "\\", "\\1", "a{1000000}", "(?=q)", "[[:alpha:]]",
        "\u{0}", "a\u{0}b", "\u{1B}[2J", "naïve", "𝔊𝔊", "e\u{301}", "\"quoted\"", "a\nb", "/etc/passwd", "../..",
        String(repeating: "9", count: 400), String(repeating: "x", count: 5000), String(repeating: "[", count: 5000),
        String(repeating: "(", count: 1500), "cosine", "gaussian", "pissa", "loftq", "olora", "LSTM", "MLP", "TEXT",
    ]

    package static func json(_ random: inout Seeded, depth: Int = 0) -> JSON {
        switch random.below(depth < 3 ? 9 : 6) {
        case 0: return .null
        case 1: return .bool(random.below(2) == 0)
        case 2: return .integer(Int64(bitPattern: random.pick(integers)))
        case 3: return .number(random.pick([0.5, -1, 1e300, -1e300, 1e19, 1e-300, .infinity, .nan, 8]))
        case 4, 5: return .string(random.pick(texts))
        case 6: return .array((0..<random.below(4)).map { _ in json(&random, depth: depth + 1) })
        case 7: return .array(Array(repeating: json(&random, depth: 3), count: random.below(2000)))
        default:
            return .object(
                (0..<random.below(4)).map { _ in .init(random.pick(texts), json(&random, depth: depth + 1)) })
        }
    }
}

extension JSON {
    /// With something in it replaced, left out or doubled.
    package func mutated(_ random: inout Seeded) -> JSON {
        switch self {
        case .object(var members) where !members.isEmpty && random.below(8) > 0:
            let index = random.below(members.count)
            switch random.below(12) {
            case 0: members.remove(at: index)
            case 1: members.append(members[index])
            case 2: members[index].key = random.pick(Odd.texts)
            case 3: members.append(.init(random.pick(Odd.texts), Odd.json(&random)))
            default: members[index].value = members[index].value.mutated(&random)
            }
            return .object(members)
        case .array(var elements) where !elements.isEmpty && random.below(6) > 0:
            let index = random.below(elements.count)
            switch random.below(6) {
            case 0: elements.remove(at: index)
            case 1: elements.append(elements[index])
            default: elements[index] = elements[index].mutated(&random)
            }
            return .array(elements)
        default: return Odd.json(&random)
        }
    }
}

/// Changes to an ELF file.
package struct MutatedLibrary {
    package private(set) var bytes: [UInt8]

    package init(_ original: [UInt8], _ random: inout Seeded) {
        bytes = original
        for _ in 0...random.below(3) { mutate(&random) }
    }

    private mutating func mutate(_ random: inout Seeded) {
        guard bytes.count > 64 else { return }
        switch random.below(8) {
        case 0: bytes = Array(bytes.prefix(random.below(bytes.count)))
        case 1:
            for _ in 0...random.below(8) { bytes[random.below(bytes.count)] ^= 1 << UInt8(random.below(8)) }
        case 2: bytes[random.below(64)] = UInt8(truncatingIfNeeded: random.next())
        case 3:
            // e_shoff, e_shentsize, e_shnum, e_shstrndx
            let (offset, size) = random.pick([(40, 8), (58, 2), (60, 2), (62, 2)])
            write(number(&random), at: offset, size)
        case 4, 5:
            // Name, type, offset, size, link of a section.
            let (offset, size) = random.pick([(0, 4), (4, 4), (24, 8), (32, 8), (40, 4)])
            write(number(&random), at: section(&random) + offset, size)
        case 6:
            // Sections that lie in each other, in the table of sections, or name themselves.
            let (a, b) = (section(&random), section(&random))
            switch random.below(3) {
            case 0:
                for place in 24..<40 where b + place < bytes.count && a + place < bytes.count {
                    bytes[a + place] = bytes[b + place]
                }
            case 1: write(UInt64(a), at: a + 24, 8)
            default: write(UInt64((a - table) / 64), at: a + 40, 4)
            }
        default:
            guard
                let start = bytes.firstRange(of: Array("{\"manifest\"".utf8))?.lowerBound
                    ?? bytes.firstRange(of: Array("\"manifest\"".utf8))?.lowerBound
            else { return }
            let place = start + random.below(Swift.min(1500, bytes.count - start))
            bytes[place] = random.pick([
                0x22, 0x5B, 0x7B, 0x7D, 0x39, 0x2D, 0x00, 0x5C, 0xFF, UInt8(truncatingIfNeeded: random.next()),
            ])
        }
    }

    private var table: Int { Int(truncatingIfNeeded: read(40, 8)) & 0xFFFF_FFFF }

    private func section(_ random: inout Seeded) -> Int { table + 64 * random.below(Swift.max(1, Int(read(60, 2)))) }

    private func number(_ random: inout Seeded) -> UInt64 {
        switch random.below(4) {
        case 0: random.pick(Odd.integers)
        case 1: UInt64(bytes.count - random.below(2))
        case 2: UInt64(random.below(bytes.count))
        default: UInt64(random.below(40))
        }
    }

    private func read(_ offset: Int, _ count: Int) -> UInt64 {
        guard offset + count <= bytes.count else { return 0 }
        return (0..<count).reversed().reduce(0) { $0 << 8 | UInt64(bytes[offset + $1]) }
    }

    private mutating func write(_ value: UInt64, at offset: Int, _ count: Int) {
        for place in 0..<count where offset + place < bytes.count {
            bytes[offset + place] = UInt8(truncatingIfNeeded: value >> UInt64(8 * place))
        }
    }
}
