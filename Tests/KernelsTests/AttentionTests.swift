import Foundation
import Kernels
import Testing

/// One shape of attention, with inputs of its own and the float64 formula to compare with.
struct AttentionCase: Sendable, CustomStringConvertible {
    var rows: [Int]
    var keys: [Int]?  // per row, where it differs from `rows`
    var heads: Int, keyHeads: Int, headSize: Int
    var window = 0, prefix = 0
    var prefixPerRow = false, prefixOnly = false

    var description: String {
        "rows \(rows) keys \(keys ?? rows) h \(heads) g \(keyHeads) d \(headSize) window \(window) "
            + "prefix \(prefix)\(prefixPerRow ? " per row" : "")\(prefixOnly ? " only" : "")"
    }

    static func starts(_ counts: [Int]) -> [Int32] {
        counts.reduce(into: [0]) { $0.append($0.last! + Int32($1)) }
    }

    var queryCount: Int { rows.reduce(0, +) }
    var keyCount: Int { (keys ?? rows).reduce(0, +) }
    var scale: Double { 1 / Double(headSize).squareRoot() }

    /// q, k, v, prefix keys, prefix values.
    var inputs: [[Float]] {
        let own = keyCount * keyHeads * headSize
        let shared = prefix * keyHeads * headSize * (prefixPerRow ? rows.count : 1)
        return [queryCount * heads * headSize, own, own, shared, shared].enumerated().map {
            Numbers.normal($1, seed: UInt32($0 + 1))
        }
    }

    func withDescription<T>(_ body: (borrowing ph_attention) -> T) -> T {
        Self.starts(rows).withUnsafeBufferPointer { starts in
            Self.starts(keys ?? rows).withUnsafeBufferPointer { keyStarts in
                body(
                    ph_attention(
                        rows: Int32(rows.count), heads: Int32(heads), key_heads: Int32(keyHeads),
                        head_size: Int32(headSize), window: Int32(window), prefix: Int32(prefix),
                        prefix_per_row: prefixPerRow, prefix_is_row: false, prefix_only: prefixOnly,
                        scale: Float(scale),
                        row_start: starts.baseAddress, key_start: keys == nil ? nil : keyStarts.baseAddress,
                        key_end: keys == nil ? nil : keyStarts.baseAddress! + 1))
            }
        }
    }

    /// out and lse of the kernel.
    func forward(_ x: [[Float]], reversed: Bool = false) -> (out: [Float], lse: [Float]) {
        var out = [Float](repeating: .nan, count: queryCount * heads * headSize)
        var lse = [Float](repeating: .nan, count: queryCount * heads)
        withDescription { description in
            var a = description
            var scratch = [Float](repeating: .nan, count: ph_attention_scratch(&a))
            let tiles = Array(0..<ph_attention_forward_tiles(&a))
            for tile in reversed ? tiles.reversed() : tiles {
                ph_attention_forward_tile(&a, x[0], x[1], x[2], x[3], x[4], &out, &lse, tile, &scratch)
            }
        }
        return (out, lse)
    }

    /// dq, dk, dv, dprefix_k, dprefix_v of the kernel; with `initial`, added to that value.
    func backward(
        _ x: [[Float]], _ dout: [Float], reversed: Bool = false, initial: Float? = nil, prefixGradient: Bool = true
    ) -> [[Float]] {
        let (out, lse) = forward(x)
        let results = x.map { array in
            let buffer = UnsafeMutableBufferPointer<Float>.allocate(capacity: array.count)
            buffer.initialize(repeating: initial ?? .nan)
            return buffer
        }
        defer { for buffer in results { buffer.deallocate() } }
        withDescription { description in
            var a = description
            var to = ph_attention_gradients(
                dq: results[0].baseAddress, dk: results[1].baseAddress, dv: results[2].baseAddress,
                dprefix_k: prefixGradient ? results[3].baseAddress : nil,
                dprefix_v: prefixGradient ? results[4].baseAddress : nil, accumulate: initial != nil)
            if prefix == 0 { (to.dprefix_k, to.dprefix_v) = (nil, nil) }
            if prefixOnly { (to.dk, to.dv) = (nil, nil) }
            var scratch = [Float](repeating: .nan, count: ph_attention_scratch(&a))
            let tiles = Array(0..<ph_attention_backward_tiles(&a, &to))
            for tile in reversed ? tiles.reversed() : tiles {
                ph_attention_backward_tile(
                    &a, x[0], x[1], x[2], x[3], x[4], out, lse, dout, &to, tile, &scratch)
            }
        }
        return results.map(Array.init)
    }

    /// The formula, token by token in float64: out and lse.
    func formula(_ x: [[Double]]) -> (out: [Double], lse: [Double]) {
        var out = [Double](repeating: 0, count: queryCount * heads * headSize)
        var lse = [Double](repeating: -.infinity, count: queryCount * heads)
        let (starts, keyStarts) = (Self.starts(rows), Self.starts(keys ?? rows))
        let d = headSize
        for row in rows.indices {
            // The prefix takes the first places.
            let length = prefix + (keys ?? rows)[row]
            for i in 0..<rows[row] {
                let position = length - rows[row] + i
                for head in 0..<heads {
                    let group = head / (heads / keyHeads), query = ((Int(starts[row]) + i) * heads + head) * d
                    var seen: [(key: Int, source: Int)] = []  // offset, and 1 own or 3 prefix
                    for j in 0...position where window == 0 || position - window < j {
                        if j < prefix {
                            seen.append(((((prefixPerRow ? row * prefix : 0) + j) * keyHeads + group) * d, 3))
                        } else if !prefixOnly {
                            seen.append((((Int(keyStarts[row]) + j - prefix) * keyHeads + group) * d, 1))
                        }
                    }
                    let scores = seen.map { at in
                        (0..<d).reduce(0) { $0 + x[0][query + $1] * x[at.source][at.key + $1] } * scale
                    }
                    let sum = scores.reduce(0) { $0 + exp($1) }
                    lse[query / d] = log(sum)
                    for (score, at) in zip(scores, seen) {
                        let p = exp(score) / sum
                        for e in 0..<d { out[query + e] += p * x[at.source + 1][at.key + e] }
                    }
                }
            }
        }
        return (out, lse)
    }

    static let small: [AttentionCase] = [
        .init(rows: [3, 1, 0, 5], heads: 4, keyHeads: 2, headSize: 6),
        .init(rows: [1], heads: 1, keyHeads: 1, headSize: 1),
        .init(rows: [], heads: 2, keyHeads: 1, headSize: 4),
        .init(rows: [0, 0], heads: 2, keyHeads: 1, headSize: 4),
        .init(rows: [7], heads: 2, keyHeads: 2, headSize: 5, window: 3),
        .init(rows: [4, 2], heads: 3, keyHeads: 1, headSize: 8, prefix: 3),
        .init(rows: [4, 0, 2], heads: 4, keyHeads: 2, headSize: 3, prefix: 2, prefixPerRow: true),
        .init(rows: [3, 2], heads: 2, keyHeads: 2, headSize: 4, prefix: 5, prefixOnly: true),
        .init(rows: [2, 3], heads: 2, keyHeads: 1, headSize: 4, prefix: 2, prefixPerRow: true, prefixOnly: true),
        .init(rows: [1, 2, 0], keys: [6, 2, 3], heads: 6, keyHeads: 2, headSize: 4),
        .init(rows: [2, 1], keys: [9, 5], heads: 2, keyHeads: 1, headSize: 4, window: 4, prefix: 1),
        .init(rows: [2, 3], keys: [4, 3], heads: 2, keyHeads: 1, headSize: 4, window: 5, prefix: 4),
        .init(rows: [5, 0, 3], heads: 2, keyHeads: 1, headSize: 4, window: 4, prefix: 3),
        .init(rows: [6, 4], heads: 4, keyHeads: 2, headSize: 3, window: 3, prefix: 5, prefixPerRow: true),
        .init(rows: [3], heads: 1, keyHeads: 1, headSize: 4, window: 1, prefix: 2),
    ]

    static let large: [AttentionCase] = [
        .init(rows: [16, 24, 10, 30], heads: 9, keyHeads: 3, headSize: 64),
        .init(rows: [150, 33], heads: 3, keyHeads: 3, headSize: 24),
        .init(rows: [201], heads: 8, keyHeads: 1, headSize: 20, window: 70),
        .init(rows: [130], heads: 2, keyHeads: 2, headSize: 16, window: 1),
        .init(rows: [70, 5], heads: 5, keyHeads: 1, headSize: 40, prefix: 67),
        .init(rows: [40], heads: 2, keyHeads: 1, headSize: 256, prefix: 10, prefixPerRow: true),
        .init(rows: [150, 33], heads: 3, keyHeads: 3, headSize: 24, window: 110, prefix: 90),
        .init(rows: [70, 130], heads: 4, keyHeads: 1, headSize: 20, window: 20, prefix: 70, prefixPerRow: true),
        .init(rows: [1, 3, 1], keys: [190, 65, 1], heads: 9, keyHeads: 3, headSize: 64),
        .init(rows: [60], heads: 100, keyHeads: 1, headSize: 8),
        .init(rows: [50], heads: 7, keyHeads: 1, headSize: 13, prefix: 70, prefixOnly: true),
    ]
}

struct AttentionTests {
    @Test(arguments: AttentionCase.small + AttentionCase.large)
    func forwardIsTheFormula(_ shape: AttentionCase) {
        let x = shape.inputs, result = shape.forward(x), exact = shape.formula(x.map(\.doubles))
        #expect(Numbers.distance(result.out, exact.out) < 2e-6)
        #expect(Numbers.distance(result.lse, exact.lse) < 2e-6)
    }

    @Test(arguments: AttentionCase.small + AttentionCase.large)
    func backwardIsTheSlopeOfTheFormula(_ shape: AttentionCase) {
        let x = shape.inputs, exact = x.map(\.doubles)
        let weights = Numbers.normal(shape.queryCount * shape.heads * shape.headSize, seed: 9)
        let gradients = shape.backward(x, weights)
        for (which, gradient) in gradients.enumerated() where !(shape.prefixOnly && (1...2).contains(which)) {
            // All coordinates of a small input, a few of a large one.
            let every = max(1, gradient.count / (gradient.count > 300 ? 3 : 300))
            for i in stride(from: gradient.count - 1, through: 0, by: -every) {
                let slope = Numbers.slope(exact[which], i) { values in
                    var moved = exact
                    moved[which] = values
                    return Numbers.dot(shape.formula(moved).out, weights.doubles)
                }
                #expect(abs(Double(gradient[i]) - slope) < 5e-6 * max(1, abs(slope)), "input \(which) at \(i)")
            }
        }
    }

    @Test(arguments: AttentionCase.small + AttentionCase.large)
    func orderOfTilesDoesNotShow(_ shape: AttentionCase) {
        let x = shape.inputs
        let weights = Numbers.normal(shape.queryCount * shape.heads * shape.headSize, seed: 9)
        let (one, other) = (shape.forward(x), shape.forward(x, reversed: true))
        #expect(one.out.bits == other.out.bits)
        #expect(one.lse.bits == other.lse.bits)
        let gradients = shape.backward(x, weights)
        #expect(gradients.map(\.bits) == shape.backward(x, weights, reversed: true).map(\.bits))
        // Which other gradients are asked for does not change one, neither does adding.
        let without = shape.backward(x, weights, prefixGradient: false)
        #expect(without[0...2].map(\.bits) == gradients[0...2].map(\.bits))
        let added = shape.backward(x, weights, initial: 2)
        for (a, b) in zip(added, gradients) {
            #expect(Numbers.distance(a, b.map { $0.isNaN ? 2 : Double($0) + 2 }) < 5e-6)
        }
    }

    @Test func aRowDoesNotDependOnItsNeighbours() {
        let both = AttentionCase(rows: [9, 40], heads: 9, keyHeads: 3, headSize: 64)
        let alone = AttentionCase(rows: [40], heads: 9, keyHeads: 3, headSize: 64)
        let x = both.inputs
        let last = [9 * 9 * 64, 9 * 3 * 64, 9 * 3 * 64, 0, 0]
        let result = alone.forward(zip(x, last).map { Array($0.dropFirst($1)) })
        #expect(result.out.bits == Array(both.forward(x).out.dropFirst(9 * 9 * 64)).bits)
    }

    @Test func aCacheOfKeysContinuesTheRow() {
        // The last tokens of a row, given all its keys, get what they got within the whole row.
        let whole = AttentionCase(rows: [90], heads: 6, keyHeads: 2, headSize: 32)
        let end = AttentionCase(rows: [3], keys: [90], heads: 6, keyHeads: 2, headSize: 32)
        var x = whole.inputs
        let expected = Array(whole.forward(x).out.suffix(3 * 6 * 32)).doubles
        x[0] = Array(x[0].suffix(3 * 6 * 32))
        #expect(Numbers.distance(end.forward(x).out, expected) < 1e-6)
    }

    @Test(arguments: [0, 1, 30, 70, 85])
    func aPrefixIsTheFrontOfARow(window: Int) {
        // Whether keys in front of the queries come as a prefix or as the row's own shows nowhere.
        let own = AttentionCase(rows: [20], keys: [90], heads: 6, keyHeads: 2, headSize: 32, window: window)
        var prefixed = own
        (prefixed.keys, prefixed.prefix) = ([50], 40)
        let x = own.inputs, front = 40 * 2 * 32
        let split = [x[0], Array(x[1][front...]), Array(x[2][front...]), Array(x[1][..<front]), Array(x[2][..<front])]
        let (expected, result) = (own.forward(x), prefixed.forward(split))
        #expect(Numbers.distance(result.out, expected.out.doubles) < 1e-6)
        #expect(Numbers.distance(result.lse, expected.lse.doubles) < 1e-6)
        let weights = Numbers.normal(20 * 6 * 32, seed: 9)
        let (slopes, found) = (own.backward(x, weights), prefixed.backward(split, weights))
        for (one, other) in zip(slopes, [found[0], found[3] + found[1], found[4] + found[2]]) {
            #expect(Numbers.distance(other, one.doubles) < 5e-6)
        }
    }

    @Test func scoresOfAnySizeStayFinite() {
        let shape = AttentionCase(rows: [80], heads: 2, keyHeads: 1, headSize: 16, prefix: 2)
        var x = shape.inputs
        x[0] = x[0].map { $0 * 1e3 }
        x[1] = x[1].map { $0 * 1e3 }
        let result = shape.forward(x)
        #expect(result.out.allSatisfy(\.isFinite) && result.lse.allSatisfy(\.isFinite))
        #expect(shape.backward(x, result.out).allSatisfy { $0.allSatisfy(\.isFinite) })
    }
}
