import Kernels
import Testing

@Suite struct DequantizeTests {
    @Test(arguments: StoredType.allCases)
    func blockSizes(type: StoredType) {
        let (number, values, bytes) = type.layout
        #expect(ph_block_values(number) == values)
        #expect(ph_block_bytes(number) == bytes)
    }

    @Test(arguments: [4, 20, 23, 39, 1000] as [UInt32])
    func unsupportedTypesHaveNoBlocks(number: UInt32) {
        #expect(ph_block_values(number) == 0)
        #expect(ph_block_bytes(number) == 0)
    }

    @Test(arguments: StoredType.allCases.filter { ![.F32, .NF4].contains($0) })
    func bitsOfTheReference(type: StoredType) throws {
        let raw = try Fixtures.bytes("dequant/\(type.rawValue).bin")
        let expected = try Fixtures.bytes("dequant/\(type.rawValue).f32").withUnsafeBytes {
            [UInt32]($0.bindMemory(to: UInt32.self))
        }
        let (number, values, bytes) = type.layout
        try #require(raw.count / bytes * values == expected.count)
        atEveryLevel { level in
            var floats = [Float](repeating: .nan, count: expected.count)
            ph_dequantize(number, raw, &floats, Int64(floats.count))
            // A Bool of its own: a failure then does not print thousands of numbers.
            let same = floats.map(\.bitPattern) == expected
            #expect(same, "level \(level.rawValue)")
        }
    }

    @Test(arguments: [StoredType.F32, .F16, .BF16], [0, 1, 15, 16, 17, 37])
    func oddCountsWriteNothingMore(type: StoredType, count: Int) {
        let matrix = StoredMatrix(type, rows: 1, cols: 64)
        atEveryLevel { _ in
            var floats = [Float](repeating: 7, count: 64)
            ph_dequantize(type.layout.number, matrix.bytes, &floats, Int64(count))
            #expect(floats[..<count] == matrix.values[..<count])
            #expect(floats[count...].allSatisfy { $0 == 7 })
        }
    }

    /// Every half-precision number, NaN included, equal at all levels and to Swift's own conversion.
    @Test func everyHalf() {
        let halves = (0...UInt16.max).map { $0 }
        atEveryLevel { _ in
            var floats = [Float](repeating: 0, count: halves.count)
            ph_dequantize(PH_F16.rawValue, halves, &floats, Int64(halves.count))
            let same = zip(halves, floats).allSatisfy { half, float in
                let value = Float16(bitPattern: half)
                return value.isNaN
                    ? float.bitPattern == UInt32(half & 0x8000) << 16 | 0x7FC0_0000 | UInt32(half & 0x3FF) << 13
                    : float.bitPattern == Float(value).bitPattern
            }
            #expect(same)
        }
    }

    @Test(arguments: [StoredType.F32, .F16, .Q4_1, .Q6_K, .NF4])
    func embeddingRows(type: StoredType) {
        let table = StoredMatrix(type, rows: 7, cols: 256)
        let ids: [Int32] = [6, 0, 3, 3]
        var rows = [Float](repeating: .nan, count: ids.count * table.cols)
        table.withWeight { ph_embedding_rows(&$0, ids, &rows, Int64(ids.count)) }
        #expect(rows == ids.flatMap { table.values[Int($0) * 256..<(Int($0) + 1) * 256] })
    }
}
