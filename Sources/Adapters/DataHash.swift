import Formats
import Training

/// What tells two sets of encoded rows apart.
package enum DataHash {
    package static func of(_ splits: DataSplits) -> String {
        let hash = SHA256()
        hash.update(splits.labels.joined(separator: "\u{0}"))
        for part in [splits.train, splits.valid, splits.test] {
            hash.update("|\(part.count)|")
            for example in part {
                example.tokens.withUnsafeBytes { hash.update($0) }
                hash.update("\(example.label ?? -1) \(example.isTarget.map { $0 ? "1" : "0" }.joined())")
            }
        }
        return hash.finish()
    }
}
