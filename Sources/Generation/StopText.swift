/// Text on its way to the reader, up to the first of some stop strings, which is not shown. What could be the beginning of
/// one is held back until more has come.
package struct StopText {
    private let stops: [[UInt8]]
    private var held: [UInt8] = []
    /// Whether a stop string has come.
    package private(set) var isStopped = false

    /// - Parameter stops: none of them empty.
    package init(_ stops: [String]) { self.stops = stops.map { Array($0.utf8) } }

    /// Takes more text.
    ///
    /// - Returns: what can be shown of all that has come.
    package mutating func append(_ text: String) -> String {
        guard !isStopped else { return "" }
        held += Array(text.utf8)
        // The one that was complete first, however the text came.
        let found = stops.compactMap { stop in
            held.indices.first { held[$0...].starts(with: stop) }.map { (end: $0 + stop.count, start: $0) }
        }.min { $0 < $1 }
        if let found {
            isStopped = true
            return take(found.start)
        }
        let beginning = held.indices.first { place in stops.contains { $0.starts(with: held[place...]) } }
        return take(beginning ?? held.count)
    }

    /// What was held back, when no more will come.
    package mutating func finish() -> String { isStopped ? "" : take(held.count) }

    /// Stop strings begin with whole characters, and so does all that is held back.
    private mutating func take(_ count: Int) -> String {
        defer { held.removeFirst(count) }
        return String(decoding: held[..<count], as: UTF8.self)
    }
}
