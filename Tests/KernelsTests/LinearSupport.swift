import Kernels

/// The tensor types with their block sizes in values and bytes, as the GGUF format defines them; NF4 has no blocks that
/// stand alone.
enum StoredType: String, CaseIterable, Sendable {
    case F32, F16, BF16, Q4_0, Q4_1, Q5_0, Q5_1, Q8_0, Q2_K, Q3_K, Q4_K, Q5_K, Q6_K, NF4

    var layout: (number: UInt32, values: Int, bytes: Int) {
        switch self {
        case .F32: (0, 1, 4)
        case .F16: (1, 1, 2)
        case .BF16: (30, 1, 2)
        case .Q4_0: (2, 32, 18)
        case .Q4_1: (3, 32, 20)
        case .Q5_0: (6, 32, 22)
        case .Q5_1: (7, 32, 24)
        case .Q8_0: (8, 32, 34)
        case .Q2_K: (10, 256, 84)
        case .Q3_K: (11, 256, 110)
        case .Q4_K: (12, 256, 144)
        case .Q5_K: (13, 256, 176)
        case .Q6_K: (14, 256, 210)
        case .NF4: (PH_NF4.rawValue, 0, 0)
        }
    }

    /// Where a block holds half-precision scales.
    var scales: [Int] {
        switch self {
        case .F32, .F16, .BF16, .NF4: []
        case .Q4_0, .Q5_0, .Q8_0: [0]
        case .Q4_1, .Q5_1, .Q4_K, .Q5_K: [0, 2]
        case .Q2_K: [80, 82]
        case .Q3_K: [108]
        case .Q6_K: [208]
        }
    }
}

/// xorshift64*: the same numbers on every run.
struct Dice {
    var state: UInt64

    init(_ seed: Int) { state = UInt64(truncatingIfNeeded: seed) &* 0x9E37_79B9_7F4A_7C15 | 1 }

    mutating func bits() -> UInt64 {
        state ^= state >> 12
        state ^= state << 25
        state ^= state >> 27
        return state &* 0x2545_F491_4F6C_DD1D
    }

    /// Within -1 ..< 1.
    mutating func float() -> Float { Float(Int64(bitPattern: bits()) >> 40) / Float(1 << 23) }

    mutating func floats(_ count: Int) -> [Float] { (0..<count).map { _ in float() } }
}

/// A random matrix (rows, cols) as it is stored, and its values.
struct StoredMatrix {
    let type: StoredType
    let rows: Int
    let cols: Int
    let bytes: [UInt8]
    let values: [Float]

    init(_ type: StoredType, rows: Int, cols: Int, seed: Int = 1) {
        var dice = Dice(seed)
        let (number, blockValues, blockBytes) = type.layout
        let count = type == .NF4 ? 1 : rows * cols / blockValues
        var bytes: [UInt8] = []
        for _ in 0..<count {
            switch type {
            case .F32: bytes += withUnsafeBytes(of: dice.float()) { [UInt8]($0) }
            case .F16: bytes += withUnsafeBytes(of: Float16(dice.float())) { [UInt8]($0) }
            case .BF16: bytes += withUnsafeBytes(of: UInt16(dice.float().bitPattern >> 16)) { [UInt8]($0) }
            case .NF4: bytes = Quantized.nf4(dice.floats(rows * cols), rows: rows, cols: cols)
            default:
                var block = (0..<blockBytes).map { _ in UInt8(truncatingIfNeeded: dice.bits() >> 32) }
                for place in type.scales {
                    let scale = withUnsafeBytes(of: Float16(dice.float() * 0.02)) { [UInt8]($0) }
                    block.replaceSubrange(place..<place + 2, with: scale)
                }
                bytes += block
            }
        }
        var values = [Float](repeating: 0, count: rows * cols)
        ph_dequantize(number, bytes, &values, Int64(rows * cols))
        (self.type, self.rows, self.cols, self.bytes, self.values) = (type, rows, cols, bytes, values)
    }

    func withWeight<R>(_ body: (inout ph_weight) -> R) -> R {
        let (number, blockValues, blockBytes) = type.layout
        let rowBytes = type == .NF4 ? cols / 2 : cols / blockValues * blockBytes
        return bytes.withUnsafeBytes { data in
            var weight = ph_weight(
                data: data.baseAddress, type: number, reserved: 0, rows: Int64(rows), cols: Int64(cols),
                row_bytes: Int64(rowBytes))
            return body(&weight)
        }
    }
}

/// Runs `body` at each CPU level that this machine has.
func atEveryLevel(_ body: (ph_cpu_level_t) throws -> Void) rethrows {
    defer { ph_cpu_limit_thread(PH_CPU_AVX512) }
    for level in [PH_CPU_PLAIN, PH_CPU_AVX2, PH_CPU_AVX512] {
        ph_cpu_limit_thread(level)
        if ph_cpu_level() == level { try body(level) }
    }
}

/// Runs the tiles 0 ..< count in rising or falling order.
func runTiles(_ count: Int64, reversed: Bool, _ body: (Int64, UnsafeMutableRawPointer) -> Void) {
    let scratch = UnsafeMutableRawPointer.allocate(byteCount: ph_linear_scratch_bytes(), alignment: 64)
    defer { scratch.deallocate() }
    scratch.initializeMemory(as: UInt8.self, repeating: 0xFF, count: ph_linear_scratch_bytes())  // NaN
    for tile in 0..<count { body(reversed ? count - 1 - tile : tile, scratch) }
}

/// c = alpha Σ a b + beta c in double precision, with the sum of the terms' sizes, by which rounding is judged.
func naiveProduct(
    m: Int, n: Int, k: Int, alpha: Float, beta: Float, c: [Float], a: (Int, Int) -> Float, b: (Int, Int) -> Float
) -> [(value: Double, size: Double)] {
    (0..<m * n).map { index in
        var sum = 0.0
        var size = 0.0
        for p in 0..<k {
            let term = Double(a(index / n, p)) * Double(b(p, index % n))
            sum += term
            size += abs(term)
        }
        let old = beta == 0 ? 0 : Double(beta) * Double(c[index])
        return (Double(alpha) * sum + old, abs(Double(alpha)) * size + abs(old))
    }
}

/// Whether every value is within 2⁻²⁰ of the sum of its terms' sizes: sixteen roundings.
func agrees(_ values: [Float], _ expected: [(value: Double, size: Double)]) -> Bool {
    values.count == expected.count
        && zip(values, expected).allSatisfy { abs(Double($0) - $1.value) <= $1.size * 0x1p-20 + 1e-30 }
}
