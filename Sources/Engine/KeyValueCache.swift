/// The keys and values of the tokens of one row that attention has seen, kept between runs: an executable that is given
/// a cache reads new tokens only, which attend to those before them as well.
package final class KeyValueCache {
    /// Most tokens that it holds.
    package let capacity: Int
    /// How many it holds.
    package private(set) var length = 0
    /// (2): where the keys of the one row begin and end while an executable runs.
    let keyStart = Buffer(count: 2)
    private var places: [Buffer] = []

    package init(capacity: Int) { self.capacity = capacity }

    /// Bytes of keys and values when it is full.
    package var bytes: Int { places.reduce(0) { $0 + $1.count * 4 } }

    /// Forgets all tokens but the first `count`.
    package func truncate(to count: Int) { length = Swift.min(length, count) }

    /// A place for the keys, or the values, of one attention: (capacity, width).
    func place(width: Int) -> Buffer {
        let place = Buffer(count: capacity * width)
        places.append(place)
        return place
    }

    /// Lets a run see room for new tokens.
    func open(_ tokens: Int) {
        precondition(length + tokens <= capacity)
        keyStart.ints[1] = Int32(length + tokens)
    }

    /// Keeps what a run has written.
    func close(_ tokens: Int) { length += tokens }
}
