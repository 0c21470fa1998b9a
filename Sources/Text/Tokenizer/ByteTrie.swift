/// Byte strings with a number each, found as prefixes of a text.
struct ByteTrie: Sendable {
    private var edges = PairTable()
    /// The root's children by byte: most bytes of a text begin none of the strings.
    private var roots = [Int32](repeating: -1, count: 256)
    /// The number of the string that ends at a node, or -1. Node 0 is the root.
    private var values: [Int32] = [-1]

    var isEmpty: Bool { values.count == 1 }

    /// Of equal strings the first counts.
    mutating func insert(_ string: some Sequence<UInt8>, _ value: Int32) {
        var node: Int32 = 0
        for byte in string {
            if let child = child(of: node, byte) {
                node = child
            } else {
                let child = Int32(values.count)
                values.append(-1)
                if node == 0 { roots[Int(byte)] = child } else { _ = edges.insert(node, Int32(byte), child) }
                node = child
            }
        }
        if node != 0, values[Int(node)] < 0 { values[Int(node)] = value }
    }

    private func child(of node: Int32, _ byte: UInt8) -> Int32? {
        if node == 0 { return roots[Int(byte)] < 0 ? nil : roots[Int(byte)] }
        return edges[node, Int32(byte)]
    }

    /// Calls `body` with the end and the number of each string that begins at `start`, the shortest first.
    func forEachMatch(in text: [UInt8], at start: Int, _ body: (_ end: Int, _ value: Int32) -> Void) {
        var node: Int32 = 0
        var position = start
        while position < text.count, let next = child(of: node, text[position]) {
            node = next
            position += 1
            if values[Int(node)] >= 0 { body(position, values[Int(node)]) }
        }
    }

    func longestMatch(in text: [UInt8], at start: Int) -> (end: Int, value: Int32)? {
        var longest: (end: Int, value: Int32)?
        forEachMatch(in: text, at: start) { longest = ($0, $1) }
        return longest
    }
}
