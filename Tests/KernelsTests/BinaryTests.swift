import Foundation
import Kernels
import Testing

struct BinaryTests {
    static let functions: [(ph_binary_op, @Sendable (Float, Float) -> Float)] = [
        (PH_ADD, { $0 + $1 }), (PH_SUB, { $0 - $1 }), (PH_MUL, { $0 * $1 }), (PH_DIV, { $0 / $1 }),
        (PH_MAX, { max($0, $1) }), (PH_MIN, { min($0, $1) }), (PH_POW, { pow($0, $1) }),
        (PH_MOD, { $0 - $1 * ($0 / $1).rounded(.down) }),
        (PH_EQ, { $0 == $1 ? 1 : 0 }), (PH_LT, { $0 < $1 ? 1 : 0 }), (PH_LE, { $0 <= $1 ? 1 : 0 }),
    ]

    /// Sizes of the result, strides of each operand.
    struct Shape: Sendable {
        var size: [Int64], a: [Int64], b: [Int64]
        var c: [Int64]? = nil

        var broadcast: ph_broadcast {
            var shape = ph_broadcast()
            shape.rank = Int32(size.count)
            func fill<T>(_ values: [Int64], _ tuple: inout T) {
                withUnsafeMutableBytes(of: &tuple) { bytes in
                    for (i, value) in values.enumerated() {
                        bytes.storeBytes(of: value, toByteOffset: 8 * i, as: Int64.self)
                    }
                }
            }
            fill(size, &shape.size)
            fill(a, &shape.stride.0)
            fill(b, &shape.stride.1)
            fill(c ?? [], &shape.stride.2)
            return shape
        }

        /// The offset that each element of the result reads with these strides.
        func offsets(_ strides: [Int64]) -> [Int] {
            (0..<size.reduce(1, *)).map { element in
                var rest = element, offset: Int64 = 0
                for axis in size.indices.reversed() {
                    offset += rest % size[axis] * strides[axis]
                    rest /= size[axis]
                }
                return Int(offset)
            }
        }
    }

    static let shapes: [Shape] = [
        .init(size: [], a: [], b: [], c: []),
        .init(size: [1, 1], a: [0, 0], b: [5, 1], c: [1, 1]),
        .init(size: [0, 4], a: [4, 1], b: [0, 1], c: [4, 1]),
        .init(size: [37], a: [1], b: [1], c: [0]),
        .init(size: [5, 7], a: [7, 1], b: [0, 0], c: [7, 1]),
        .init(size: [5, 7], a: [0, 0], b: [7, 1], c: [0, 1]),
        .init(size: [5, 7], a: [7, 1], b: [0, 1], c: [1, 0]),
        .init(size: [5, 7], a: [1, 0], b: [7, 1], c: [0, 0]),
        .init(size: [5, 7], a: [1, 5], b: [7, 1], c: [1, 5]),
        .init(size: [3, 1, 4, 2], a: [8, 8, 2, 1], b: [0, 3, 1, 4], c: [2, 0, 0, 1]),
        .init(size: [2, 3, 2, 2, 3, 2], a: [72, 24, 12, 6, 2, 1], b: [0, 2, 0, 1, 0, 6], c: [1, 2, 6, 12, 0, 24]),
    ]

    @Test(arguments: 0..<11)
    func sameShape(_ which: Int) {
        let (op, f) = Self.functions[which]
        for n in [0, 1, 3, 64, 101] {
            let a = Numbers.normal(n, seed: 1).map { op == PH_POW ? abs($0) : $0 }
            var b = Numbers.normal(n, seed: 2), y = a
            for i in stride(from: 0, to: n, by: 3) { b[i] = a[i] }
            ph_binary(op, a, b, &y, n)
            #expect(Numbers.distance(y, zip(a, b).map(f).doubles) < 1e-6)
        }
    }

    @Test(arguments: shapes)
    func broadcast(_ shape: Shape) {
        let a = Numbers.normal(200, seed: 1), b = Numbers.normal(200, seed: 2)
        let condition = Numbers.normal(200, seed: 3).map { $0 > 0 ? $0 : 0 }
        let count = shape.size.reduce(1, *)
        var description = shape.broadcast
        for (op, f) in Self.functions where op != PH_POW && op != PH_MOD {
            var y = [Float](repeating: .nan, count: Int(count))
            ph_binary_broadcast(op, a, b, &y, &description, 0, Int(count))
            let expected = zip(shape.offsets(shape.a), shape.offsets(shape.b)).map { f(a[$0], b[$1]) }
            #expect(y == expected)
            var parts = y.map { _ in Float.nan }
            for begin in stride(from: 0, to: Int(count), by: 5).reversed() {
                ph_binary_broadcast(op, a, b, &parts, &description, begin, min(begin + 5, Int(count)))
            }
            #expect(parts == expected)
        }
        var y = [Float](repeating: .nan, count: Int(count))
        var three = Shape(size: shape.size, a: shape.c!, b: shape.a, c: shape.b).broadcast
        ph_where_broadcast(condition, a, b, &y, &three, 0, Int(count))
        let chosen = zip(shape.offsets(shape.c!), zip(shape.offsets(shape.a), shape.offsets(shape.b))).map {
            condition[$0] != 0 ? a[$1.0] : b[$1.1]
        }
        #expect(y == chosen)
    }

    @Test func specialValues() {
        func value(_ op: ph_binary_op, _ a: Float, _ b: Float) -> Float {
            var y: [Float] = [0]
            ph_binary(op, [a], [b], &y, 1)
            return y[0]
        }
        for op in [PH_MAX, PH_MIN] {
            #expect(value(op, .nan, 1).isNaN && value(op, 1, .nan).isNaN)
        }
        #expect(value(PH_MOD, -1, 3) == 2 && value(PH_MOD, 1, -3) == -2 && value(PH_MOD, 6, 3) == 0)
        #expect(value(PH_MOD, 5, 0).isNaN && value(PH_EQ, .nan, .nan) == 0)
        #expect(value(PH_POW, -2, 3) == -8 && value(PH_POW, 0, 0) == 1)
        var y: [Float] = [0, 0]
        ph_where([1, 0], [2, 3], [4, 5], &y, 2)
        #expect(y == [2, 5])
    }
}
