import Kernels
import Testing

enum Quantized {
    /// A matrix in NF4, as the kernels lay it out.
    static func nf4(_ values: [Float], rows: Int, cols: Int) -> [UInt8] {
        let blocks = (values.count + 63) / 64
        var bytes = [UInt8](repeating: 0, count: Int(ph_matrix_bytes(PH_NF4.rawValue, Int64(rows), Int64(cols))))
        var absmax = [Float](repeating: 0, count: blocks)
        ph_nf4_codes(values, Int64(values.count), &bytes, &absmax)
        bytes.withUnsafeMutableBufferPointer {
            ph_nf4_scales(absmax, Int64(blocks), $0.baseAddress! + values.count / 2)
        }
        return bytes
    }
}

/// Numbers that NumPy and ggml's Python package computed: see the scripts beside the fixtures.
@Suite struct QuantizeTests {
    private static func floats(_ path: String) throws -> [Float] {
        try Fixtures.bytes(path).withUnsafeBytes { [Float]($0.bindMemory(to: Float.self)) }
    }

    @Test func nf4StoresTheSameBits() throws {
        let (rows, cols) = (201, 96)
        let stored = try Fixtures.bytes("nf4/stored.bin")
        let bytes = Quantized.nf4(try Self.floats("nf4/values.f32"), rows: rows, cols: cols)
        #expect(bytes.count == stored.count)
        let codes = rows * cols / 2
        let (sameCodes, sameScales) = (bytes[..<codes] == stored[..<codes], bytes[codes...] == stored[codes...])
        #expect(sameCodes)
        #expect(sameScales)
    }

    /// Codes may be made in pieces of whole blocks.
    @Test func nf4InPieces() throws {
        let values = try Self.floats("nf4/values.f32")
        let stored = try Fixtures.bytes("nf4/stored.bin")
        var codes: [UInt8] = []
        for first in stride(from: 0, to: values.count, by: 640) {
            let part = Array(values[first..<min(first + 640, values.count)])
            var piece = [UInt8](repeating: 0, count: part.count / 2)
            var absmax = [Float](repeating: 0, count: 10)
            ph_nf4_codes(part, Int64(part.count), &piece, &absmax)
            codes += piece
        }
        let same = codes == Array(stored[..<codes.count])
        #expect(same)
    }

    @Test func nf4ReadsTheSameBits() throws {
        let stored = try Fixtures.bytes("nf4/stored.bin")
        let expected = try Self.floats("nf4/dequantized.f32").map(\.bitPattern)
        atEveryLevel { level in
            var values = [Float](repeating: .nan, count: expected.count)
            ph_dequantize(PH_NF4.rawValue, stored, &values, Int64(values.count))
            let same = values.map(\.bitPattern) == expected
            #expect(same, "level \(level.rawValue)")
        }
    }

    @Test(arguments: [StoredType.F16, .BF16, .Q8_0, .Q4_0, .Q4_1])
    func blocksOfTheReference(type: StoredType) throws {
        let values = try Self.floats("quantize/values.f32")
        let expected = try Fixtures.bytes("quantize/\(type.rawValue).bin")
        var blocks = [UInt8](repeating: 0xFF, count: expected.count)
        ph_quantize_blocks(type.layout.number, values, Int64(values.count), &blocks)
        let wrong = blocks.indices.first { blocks[$0] != expected[$0] }
        #expect(wrong == nil)
    }
}
