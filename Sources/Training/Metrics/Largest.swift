extension ArraySlice<Float> {
    /// Places, counted from the slice's beginning, of its `count` largest numbers; of equal ones the first comes first.
    package func largest(_ count: Int) -> [Int] {
        let order: (Int, Int) -> Bool = { (self[$0], $1) > (self[$1], $0) }
        let places =
            count == 1 ? indices.min(by: order).map { [$0] } ?? [] : Array(indices.sorted(by: order).prefix(count))
        return places.map { $0 - startIndex }
    }
}
