/// How many letters have to be put in, taken out or changed to make `a` into `b` (Levenshtein 1966).
func editDistance(_ a: String, _ b: String) -> Int {
    let (a, b) = (Array(a.utf8.prefix(256)), Array(b.utf8.prefix(256)))
    var row = Array(0...b.count)
    for (i, x) in a.enumerated() {
        var diagonal = row[0]
        row[0] = i + 1
        for (j, y) in b.enumerated() {
            let changed = diagonal + (x == y ? 0 : 1)
            diagonal = row[j + 1]
            row[j + 1] = min(changed, row[j] + 1, row[j + 1] + 1)
        }
    }
    return row[b.count]
}

/// At most `count` of the candidates, the nearest to `name` first; upper and lower case are near.
func nearest(to name: String, among candidates: [String], count: Int = 3) -> [String] {
    let name = name.lowercased()
    let ranked = Set(candidates).map { (distance: editDistance(name, $0.lowercased()), name: $0) }
    return ranked.sorted { ($0.distance, $0.name) < ($1.distance, $1.name) }.prefix(count).map(\.name)
}

/// The remedy of an error about a name that is not among the candidates.
func suggestion(for name: String, among candidates: [String]) -> String {
    let names = nearest(to: name, among: candidates)
    guard let first = names.first else { return "there is none to choose from" }
    let isNear = editDistance(name.lowercased(), first.lowercased()) <= max(2, name.utf8.count / 3)
    return isNear ? "did you mean \(first)?" : "the nearest are \(names.joined(separator: ", "))"
}
