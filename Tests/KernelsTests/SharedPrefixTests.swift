import Kernels
import Testing

/// Rows that go on from the first one compute what rows that begin with it compute.
struct SharedPrefixTests {
    private static let (heads, keyHeads, headSize) = (6, 2, 8)

    /// Runs attention, and the gradients of q, k and v for `dout`.
    private static func run(
        _ rows: [Int], isShared: Bool, window: Int, _ x: [[Float]], _ dout: [Float]
    ) -> (out: [Float], gradients: [[Float]]) {
        AttentionCase.starts(rows).withUnsafeBufferPointer { starts in
            var a = ph_attention(
                rows: Int32(rows.count), heads: Int32(heads), key_heads: Int32(keyHeads), head_size: Int32(headSize),
                window: Int32(window), prefix: isShared ? Int32(rows[0]) : 0, prefix_per_row: false,
                prefix_is_row: isShared, prefix_only: false, scale: 0.4, row_start: starts.baseAddress, key_start: nil,
                key_end: nil)
            var scratch = [Float](repeating: .nan, count: ph_attention_scratch(&a))
            var out = [Float](repeating: .nan, count: x[0].count)
            var lse = [Float](repeating: .nan, count: x[0].count / headSize)
            for tile in 0..<ph_attention_forward_tiles(&a) {
                ph_attention_forward_tile(&a, x[0], x[1], x[2], x[1], x[2], &out, &lse, tile, &scratch)
            }
            let results = x.map { array in
                let buffer = UnsafeMutableBufferPointer<Float>.allocate(capacity: array.count)
                buffer.initialize(repeating: .nan)
                return buffer
            }
            defer { for buffer in results { buffer.deallocate() } }
            let (dk, dv) = (results[1].baseAddress, results[2].baseAddress)
            var to = ph_attention_gradients(
                dq: results[0].baseAddress, dk: dk, dv: dv, dprefix_k: isShared ? dk : nil,
                dprefix_v: isShared ? dv : nil, accumulate: false)
            for tile in (0..<ph_attention_backward_tiles(&a, &to)).reversed() {
                ph_attention_backward_tile(&a, x[0], x[1], x[2], x[1], x[2], out, lse, dout, &to, tile, &scratch)
            }
            return (out, results.map(Array.init))
        }
    }

    @Test(arguments: [0, 3, 70], [[5, 4, 1, 3], [130, 9, 0, 70], [1, 1]]) func equalsWholeRows(
        _ window: Int, _ shared: [Int]
    ) {
        let prefix = shared[0], suffixes = shared.dropFirst()
        let whole = suffixes.map { prefix + $0 }
        // Which token of the shared layout each token of the whole rows is.
        var place: [Int] = []
        var next = prefix
        for count in suffixes {
            place += Array(0..<prefix) + Array(next..<next + count)
            next += count
        }
        let widths = [Self.heads * Self.headSize, Self.keyHeads * Self.headSize, Self.keyHeads * Self.headSize]
        let x = widths.enumerated().map { Numbers.normal(next * $1, seed: UInt32($0 + 1)) }
        func spread(_ values: [Float], _ width: Int) -> [Float] {
            place.flatMap { values[$0 * width..<($0 + 1) * width] }
        }
        let all = zip(x, widths).map { spread($0, $1) }
        let dwhole = Numbers.normal(place.count * widths[0], seed: 9)
        func gathered(_ values: [Float], _ width: Int) -> [Float] {
            var sums = [Float](repeating: 0, count: next * width)
            for (token, to) in place.enumerated() {
                for c in 0..<width { sums[to * width + c] += values[token * width + c] }
            }
            return sums
        }
        let expected = Self.run(whole, isShared: false, window: window, all, dwhole)
        let found = Self.run(shared, isShared: true, window: window, x, gathered(dwhole, widths[0]))
        func isNear(_ a: [Float], _ b: [Float]) -> Bool {
            a.count == b.count && zip(a, b).allSatisfy { abs($0 - $1) <= 2e-5 * max(1, abs($1)) }
        }
        #expect(isNear(spread(found.out, widths[0]), expected.out))
        for (index, width) in widths.enumerated() {
            #expect(isNear(found.gradients[index], gathered(expected.gradients[index], width)), "gradient \(index)")
        }
    }
}
