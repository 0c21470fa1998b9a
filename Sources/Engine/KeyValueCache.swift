/// The keys and values of the tokens that attention has seen of some rows, kept between runs: an executable that is given
/// a cache reads new tokens only, which attend to those of their row before them as well.
package final class KeyValueCache {
    /// Most tokens that it holds of a row.
    package let capacity: Int
    /// How many it holds of each row.
    package private(set) var lengths: [Int]
    /// The rows that the next run goes on with, in the order of its batch.
    package var running: [Int] = [0]
    /// For each row of a run: where its keys begin and end, and how far a token's place here is from that in the batch.
    let keyStart, keyEnd, shift: Buffer
    private var places: [Buffer] = []

    /// - Parameter capacity: most tokens of one row.
    package init(capacity: Int, rows: Int = 1) {
        self.capacity = capacity
        lengths = Array(repeating: 0, count: rows)
        keyStart = Buffer(count: rows)
        keyEnd = Buffer(count: rows)
        shift = Buffer(count: rows)
    }

    /// Bytes of keys and values when it is full.
    package var bytes: Int { places.reduce(0) { $0 + $1.count * 4 } }

    /// Forgets all tokens of a row but the first `count`.
    package func truncate(_ row: Int = 0, to count: Int) { lengths[row] = Swift.min(lengths[row], count) }

    /// A place for the keys, or the values, of one attention: (rows, capacity, width).
    func place(width: Int) -> Buffer {
        let place = Buffer(count: lengths.count * capacity * width)
        places.append(place)
        return place
    }

    /// Lets a run see room for new tokens.
    ///
    /// - Parameter starts: where the rows of its batch begin, and the last one ends.
    func open(_ starts: UnsafePointer<Int32>) {
        for (index, row) in running.enumerated() {
            let (length, tokens) = (lengths[row], Int(starts[index + 1] - starts[index]))
            precondition(length + tokens <= capacity)
            keyStart.ints[index] = Int32(row * capacity)
            keyEnd.ints[index] = Int32(row * capacity + length + tokens)
            shift.ints[index] = Int32(row * capacity + length) - starts[index]
        }
    }

    /// Keeps what a run has written.
    func close(_ starts: UnsafePointer<Int32>) {
        for (index, row) in running.enumerated() { lengths[row] += Int(starts[index + 1] - starts[index]) }
    }
}
